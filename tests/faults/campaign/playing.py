"""One seed: the load, the faults one after another, and the verdict."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import orjson

from tests.faults.campaign import verdict
from tests.faults.campaign.dawdling import Dawdler
from tests.faults.campaign.foreign import Foreign
from tests.faults.campaign.ledger import Chain, Ledger
from tests.faults.campaign.mishaps import Mishaps
from tests.faults.campaign.outcome import Outcome, Sample
from tests.faults.campaign.plan import Planned, impossible, plan
from tests.faults.campaign.probing import Prober
from tests.faults.campaign.publishing import STYLES, Desk, Publisher, attempt_once
from tests.faults.campaign.pulling import Reader
from tests.faults.campaign.reading import read_log
from tests.faults.campaign.scene import Scene, playing
from tests.faults.campaign.stage import WORKER, Stage
from tests.faults.campaign.striking import Striker, repaired
from tests.faults.campaign.supervision import READERS, Supervision
from tests.faults.campaign.verdict import Logs
from tests.faults.campaign.ways import Ways, ways
from tests.faults.campaign.wire import Lost, Watch
from tests.support.steps import MANAGEMENT_MS, steps, too_long
from tests.support.world import World

SETTLE_SECONDS = 1.0
ENDS_SECONDS = 300.0
WORKERS_BACK_SECONDS = 40.0
OUTBOX_SECONDS = 60.0
BEATS_SECONDS = 15.0
AUDIT_SECONDS = 300.0
SAMPLED = 40
CHAINED = ("whole-narrow", "whole-wide", "masked-narrow", "masked-wide")
MISHAP_PAUSE = (1.0, 4.0)
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for of one seed."""

    seed: int
    faults: int
    folder: Path
    short: bool
    small_disk: bool
    brokers: int
    tell: Callable[[str], None]


async def play(options: Options) -> Outcome:
    """Play one seed on a stage of its own and return what was found."""
    began, outcome = time.monotonic(), Outcome(options.seed)
    stage = Stage(options.folder, small_disk=options.small_disk, brokers=options.brokers)
    await asyncio.to_thread(stage.open)
    try:
        async with playing(stage) as (world, scene):
            await _Play(options, stage, world, scene, outcome).run()
    finally:
        await asyncio.to_thread(stage.close)
    outcome.seconds = time.monotonic() - began
    return outcome


@dataclass(slots=True)
class _Play:
    options: Options
    stage: Stage
    world: World
    scene: Scene
    outcome: Outcome
    watch: Watch = field(default_factory=Watch)
    ledger: Ledger = field(init=False)
    desk: Desk = field(init=False)
    chance: random.Random = field(init=False)
    readers: list[Reader] = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.options.folder / "ledger.jsonl")
        self.desk = Desk(self.stage.address, self.scene, self.ledger, self.watch)
        self.chance = random.Random(self.options.seed)  # noqa: S311
        self.readers = [
            Reader(name, self.stage.address, self.scene, self.ledger, self.watch, self._another())
            for name in CHAINED
        ]

    def _another(self) -> random.Random:
        return random.Random(self.chance.random())  # noqa: S311

    async def run(self) -> None:
        pulse = asyncio.create_task(self.watch.pulse.run())
        place = (self.stage.database_url, self.options.folder)
        try:
            async with ways(self.world, *place, self.watch) as used:
                await self._under_load(used)
                await used.judge()
            self.options.tell(f"other ways out: {dict(used.done)}")
            await self._verdict()
        finally:
            pulse.cancel()
            self.ledger.close()

    async def _under_load(self, used: Ways) -> None:
        stop, mishaps = asyncio.Event(), Mishaps("struck", self.desk, self._another())
        supervision = Supervision(
            self.scene, self.scene.provider.head, self.stage.address, self.watch,
            self._another(),
        )  # fmt: skip
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as load:
            for style in STYLES:
                load.create_task(Publisher(self.desk, style, self._another()).run(stop))
            for reader in self.readers:
                load.create_task(reader.run(stop))
            for name in range(READERS):
                load.create_task(supervision.read(name, stop))
            load.create_task(supervision.run(stop))
            load.create_task(Dawdler(supervision).run(stop))
            load.create_task(used.run(stop))
            load.create_task(self._mishaps(Mishaps("always", self.desk, self._another()), stop))
            await asyncio.sleep(SETTLE_SECONDS)
            foreign = Foreign(self.desk, self._another())
            await self._faults(Striker(self.stage, mishaps, foreign))
            stop.set()
            limit.reschedule(asyncio.get_running_loop().time() + ENDS_SECONDS)
        self.outcome.suspensions = supervision.last_bytes
        self.outcome.counts["suspensions"] = len(supervision.bans)

    async def _mishaps(self, mishaps: Mishaps, stop: asyncio.Event) -> None:
        """Clients leave and race all the time, so that other faults meet them."""
        while not stop.is_set():
            await asyncio.sleep(self.chance.uniform(*MISHAP_PAUSE))
            await mishaps.gone_before_its_answer()
            await mishaps.gone_in_its_page()
            await mishaps.gone_in_its_body()
            await mishaps.two_workers_at_once(same=self.chance.random() < 0.5)

    async def _faults(self, striker: Striker) -> None:
        left_out = impossible(self.options.brokers, small_disk=self.options.small_disk)
        planned = plan(
            self.options.seed, self.options.faults, short=self.options.short, left_out=left_out
        )
        prober = Prober(self.desk)
        for number, each in enumerate(planned, start=1):
            await asyncio.sleep(each.pause_seconds)
            await self._fault(f"{number:3}/{len(planned)}", each, striker, prober)

    async def _fault(self, place: str, each: Planned, striker: Striker, prober: Prober) -> None:
        self.ledger.write(fault=each.kind, seconds=each.seconds)
        before = len(self.watch.violations)
        try:
            struck = await striker.strike(each)
        except LookupError as error:
            self.outcome.left_out.append(f"{each.kind}: {error}")
            self.options.tell(f"{place} {each.kind}: left out, {error}")
            return
        awaited = struck.repair if struck.in_the_way else None
        recovery = await prober.measure(struck.since, awaited)
        await repaired(struck)
        await self._workers_back()
        self.outcome.samples.append(Sample(each.kind, struck.lasted, struck.back, recovery))
        self.ledger.write(recovered=each.kind, served=recovery.served, through=recovery.through)
        acknowledged = sum(1 for _ in self.ledger.acknowledged())
        note = f" ({struck.note})" if struck.note else ""
        back = "" if struck.back is None else f"back after {struck.back:.2f} s, "
        self.options.tell(
            f"{place} {each.kind}, {struck.lasted:.1f} s{note}: {back}served after "
            f"{recovery.served:.2f} s, through after {recovery.through:.2f} s; "
            f"{acknowledged:,} batches acknowledged"
        )
        for violation in self.watch.violations[before:]:
            self.options.tell(f"    ✗ {violation}")

    async def _workers_back(self) -> None:
        """The gateway starts killed workers again by itself; one process is no gateway."""
        began = time.monotonic()
        wanted = self.stage.workers
        while len(self.stage.gateway_workers()) < wanted:
            if time.monotonic() > began + WORKERS_BACK_SECONDS:
                self.watch.accuse_of_lateness(
                    f"no {wanted} workers after {WORKERS_BACK_SECONDS:.0f} s", began
                )
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _verdict(self) -> None:
        """Compare the books, once everything has come to rest."""
        self.options.tell("reading the log and judging")
        await self._ask_again()
        logs = await self._read_logs()
        self._count(logs)
        self.outcome.violations += [*self.watch.violations, *self.watch.untold()]
        self.outcome.violations += verdict.judge(self.ledger.attempts, self._chains(), logs)
        self.outcome.violations += await self._aftermath()
        self.outcome.answers = dict(self.watch.answers)
        self.outcome.steps = [step for log in self.stage.logs for step in steps(log)]
        self.outcome.violations += [
            f"a step of {step.ms:.0f} ms: {step.what}"
            # Reconnecting after a kill is no hot path: what is over its own limit is told.
            for step in too_long(self.outcome.steps, MANAGEMENT_MS)
        ]

    def _chains(self) -> Sequence[Chain]:
        return [reader.chain for reader in self.readers]

    async def _ask_again(self) -> None:
        """Long after: a key gives its first answer, a receipt id its receipt."""
        line = self.desk.line()
        acknowledged = list(self.ledger.acknowledged())
        for attempt in self.chance.sample(acknowledged, k=min(SAMPLED, len(acknowledged))):
            try:
                if attempt.idempotency_key is not None:
                    answer = await attempt_once(line, self.ledger, attempt)
                    if answer.headers.get("idempotency-replayed") != "true":
                        self.watch.accuse(f"not replayed, {answer.status}: {attempt.told()}")
                answer = await line.ask("GET", f"/v1/receipts/{attempt.receipt_id}")
            except Lost:
                self.watch.accuse(f"no answer in peace for {attempt.told()}")
                continue
            positions = [
                {"partition": run.partition, "first_offset": run.first, "last_offset": run.last}
                for run in attempt.runs
            ]
            if answer.status != 200 or orjson.loads(answer.body)["positions"] != positions:
                self.watch.accuse(f"receipt {answer.status}: {attempt.told()}")
        line.drop()

    async def _read_logs(self) -> Logs:
        logs = {}
        for resource in self.scene.resources:
            logs[resource.id] = await read_log(self.stage.bootstrap, resource)
        sizes = {each: sum(map(len, log.values())) for each, log in logs.items()}
        await asyncio.gather(
            *(reader.drain(sizes[reader.grant.resource.id]) for reader in self.readers)
        )
        return logs

    def _count(self, logs: Logs) -> None:
        chains = self._chains()
        self.outcome.counts |= verdict.tally(self.ledger.attempts) | {
            "records in the log": sum(len(e) for log in logs.values() for e in log.values()),
            "pages": sum(chain.pages for chain in chains),
            "pages asked again": sum(chain.again for chain in chains),
            "records read": sum(len(chain.items) for chain in chains),
            "connections lost": self.watch.lost,
        }

    async def _aftermath(self) -> list[str]:
        """Nothing is stuck: the audit verifies, the outbox is empty, the worker beats."""
        found = []
        code, said = await asyncio.to_thread(self._verify_audit)
        self.outcome.events = said
        if code:
            found.append(f"the audit does not verify: {said}")
        if left := await self._outbox_left():
            found.append(f"{left} messages stay in the outbox")
        if not await self._worker_beats():
            found.append(f"the worker process does not beat: see {self.stage.log_of(WORKER)}")
        return found

    def _verify_audit(self) -> tuple[int, str]:
        ran = subprocess.run(
            [sys.executable, "-m", "shuyuan_client", "audit", "verify"],
            env=self.stage.settings | {"SHUYUAN_LANG": "en"},
            capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False,
        )  # fmt: skip
        return ran.returncode, (ran.stdout + ran.stderr).strip()

    async def _outbox_left(self) -> int:
        connection = await asyncpg.connect(self.stage.database_url)
        try:
            deadline = time.monotonic() + OUTBOX_SECONDS
            left = 1
            while left and time.monotonic() < deadline:
                left = int(await connection.fetchval("SELECT count(*) FROM kernel.outbox"))
                await asyncio.sleep(LOOK_SECONDS)
            return left
        finally:
            await connection.close()

    async def _worker_beats(self) -> bool:
        beaten = self.stage.folder / "heartbeat"
        deadline = time.monotonic() + BEATS_SECONDS
        began = time.time()
        while time.monotonic() < deadline:
            if beaten.exists() and beaten.stat().st_mtime > began:
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False
