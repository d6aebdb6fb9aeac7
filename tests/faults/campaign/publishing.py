"""Publishers under load: keyed ones repeat until they are answered, the others ask once."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import orjson

from tests.faults.campaign.ledger import DELETE, UPSERT, Attempt, Fate, Ledger
from tests.faults.campaign.reading import Resource
from tests.faults.campaign.scene import Scene, key_of, record
from tests.faults.campaign.wire import Address, Answer, Line, Lost, Watch

NDJSON = "application/x-ndjson"
PATIENCE_SECONDS = 240.0
BACKOFF_SECONDS = (0.05, 0.3)
PACE_SECONDS = (0.02, 0.16)
# A publisher now and then takes another connection, and with it perhaps another worker.
RECONNECTS = 0.05
KEYS = 40
BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Style:
    """How one publisher behaves; `most` is the largest batch, `deletes` follow their upserts."""

    name: str
    keyed: bool
    wide: bool
    most: int
    deletes: bool = False


STYLES: Sequence[Style] = (
    Style("single-keyed", keyed=True, wide=False, most=1),
    Style("batch-keyed", keyed=True, wide=False, most=25),
    Style("single-keyed-wide", keyed=True, wide=True, most=1),
    Style("batch-keyed-wide-a", keyed=True, wide=True, most=25),
    Style("batch-keyed-wide-b", keyed=True, wide=True, most=8),
    Style("single", keyed=False, wide=False, most=1),
    Style("batch", keyed=False, wide=False, most=25),
    Style("batch-wide", keyed=False, wide=True, most=25),
    Style("deleting", keyed=True, wide=False, most=6, deletes=True),
    Style("deleting-wide", keyed=True, wide=True, most=6, deletes=True),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every publisher needs: where to, as whom, and the book to write into."""

    address: Address
    scene: Scene
    ledger: Ledger
    watch: Watch

    def line(self) -> Line:
        return Line(self.address, self.watch, self.scene.publisher)


def body_of(attempt: Attempt) -> bytes:
    if attempt.op == DELETE:
        return b"\n".join(orjson.dumps({"id": line.key}) for line in attempt.lines)
    return b"\n".join(record(line.key, line.number) for line in attempt.lines)


def target_of(attempt: Attempt) -> str:
    return f"/v1/resources/{attempt.resource}/records?op={attempt.op}"


def headers_of(attempt: Attempt) -> dict[str, str]:
    headers = {"Content_Type": NDJSON, "Accept_Language": "en"}
    if attempt.idempotency_key is not None:
        headers["Idempotency_Key"] = attempt.idempotency_key
    return headers


async def attempt_once(line: Line, ledger: Ledger, attempt: Attempt) -> Answer:
    """Ask once and note what came of it; raises Lost."""
    attempt.tries += 1
    answer = await line.ask("POST", target_of(attempt), body_of(attempt), **headers_of(attempt))
    if answer.status == 201:
        _check_first_receipt(line.watch, attempt, answer)
        ledger.acknowledge(attempt, answer)
    else:
        attempt.codes.append(answer.code)
    return answer


def _check_first_receipt(watch: Watch, attempt: Attempt, answer: Answer) -> None:
    """A batch has one receipt, however often it is asked for."""
    receipt = orjson.loads(answer.body)
    if attempt.fate is Fate.ACKNOWLEDGED and receipt["receipt_id"] != attempt.receipt_id:
        watch.accuse(f"another receipt, {receipt['positions']}, for {attempt.told()}")
    if receipt["accepted"] != len(attempt.lines):
        watch.accuse(f"{receipt['accepted']} accepted of {attempt.told()}")


async def insist(line: Line, ledger: Ledger, attempt: Attempt) -> Answer | None:
    """Repeat the same request until it is decided; None when it never was."""
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE_SECONDS:
        try:
            answer = await attempt_once(line, ledger, attempt)
        except Lost:
            attempt.codes.append("lost")
        else:
            if answer.status not in BUSY:
                return answer
        await asyncio.sleep(random.uniform(*BACKOFF_SECONDS))  # noqa: S311
    line.watch.accuse_of_lateness(
        f"never decided within {PATIENCE_SECONDS:.0f} s: {attempt.told()}", began
    )
    return None


class Publisher:
    """One system that publishes until it is told to stop, and finishes what it has begun."""

    def __init__(self, desk: Desk, style: Style, chance: random.Random) -> None:
        self._desk = desk
        self._style = style
        self._chance = chance
        self._turns = count()
        self._line = desk.line()

    @property
    def _resource(self) -> Resource:
        return self._desk.scene.wide if self._style.wide else self._desk.scene.narrow

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._chance.random() < RECONNECTS:
                self._line.drop()
            await (self._erase() if self._style.deletes else self._write())
            await asyncio.sleep(self._chance.uniform(*PACE_SECONDS))
        self._line.drop()

    async def _write(self) -> None:
        turn, size = next(self._turns), self._chance.randint(1, self._style.most)
        keys = [key_of(f"{self._style.name}-{(turn + n) % KEYS}") for n in range(size)]
        await self._publish(keys, UPSERT, turn)

    async def _erase(self) -> None:
        """Publish records of their own and delete them again."""
        turn, size = next(self._turns), self._chance.randint(1, self._style.most)
        keys = [key_of(f"{self._style.name}-{turn}-{n}") for n in range(size)]
        await self._publish(keys, UPSERT, turn)
        await self._publish(keys, DELETE, turn)

    async def _publish(self, keys: Sequence[str], op: str, turn: int) -> None:
        style, resource = self._style, self._resource
        key = f"{style.name}-{turn}-{op}" if style.keyed else None
        attempt = self._desk.ledger.attempt(resource.id, resource.partitions, keys, key, op)
        if style.keyed:
            answer = await insist(self._line, self._desk.ledger, attempt)
        else:
            answer = await self._once(attempt)
        if answer is not None and answer.status not in {201, *BUSY}:
            attempt.fate = Fate.REFUSED
            self._line.watch.accuse(f"{answer.status} {answer.body[:300]!r} for {attempt.told()}")

    async def _once(self, attempt: Attempt) -> Answer | None:
        try:
            return await attempt_once(self._line, self._desk.ledger, attempt)
        except Lost:
            attempt.codes.append("lost")
            return None
