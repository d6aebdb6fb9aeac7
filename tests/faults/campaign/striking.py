"""Carries a planned fault out, and says from when on recovery counts."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from deploy.local.wording import LocalError
from tests.faults.campaign.foreign import Foreign
from tests.faults.campaign.mishaps import Mishaps
from tests.faults.campaign.plan import Kind, Planned
from tests.faults.campaign.stage import (
    BROKER,
    DATABASE,
    GATEWAY,
    WORKER,
    Stage,
    frozen,
    send,
)

DISK_NOTICED_SECONDS = 8.0
LOOK_SECONDS = 0.05
ENTERS_SECONDS = 0.3
REPLACED_SECONDS = 90.0
# PostgreSQL ends every session within this time when one of them was killed.
NOTICED_SECONDS = 0.3


@dataclass(slots=True)
class Struck:
    """`since` is when the fault ended, or the kill; `repair` starts again what nobody else does.

    `back_at` is when the repair was done, so that the part itself was ready; `in_the_way` says
    that publishing and pulling need it. `after` is what else must end before the next fault.
    """

    since: float
    repair: asyncio.Task[None] | None = None
    back_at: float | None = None
    lasted: float = 0.0
    note: str = ""
    in_the_way: bool = True
    after: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        if self.repair is not None:
            self.repair.add_done_callback(self._is_back)

    def _is_back(self, _done: asyncio.Task[None]) -> None:
        self.back_at = time.monotonic()

    @property
    def back(self) -> float | None:
        """Seconds until the part itself was ready, None where nothing was to be started."""
        return None if self.back_at is None else self.back_at - self.since


class Striker:
    def __init__(self, stage: Stage, mishaps: Mishaps, foreign: Foreign) -> None:
        self._stage = stage
        self._mishaps = mishaps
        self._foreign = foreign
        self._resources = foreign.scene.resources
        self._watch = foreign.watch
        self._kinds: Mapping[Kind, Callable[[Planned], Awaitable[Struck]]] = {
            Kind.GATEWAY_WORKER_KILLED: self._kill_gateway_worker,
            Kind.GATEWAY_WORKER_FROZEN: self._freeze_gateway_worker,
            Kind.GATEWAY_KILLED: lambda planned: self._kill(self._one_of(GATEWAY, planned)),
            Kind.GATEWAY_FROZEN: lambda planned: self._freeze(
                self._one_of(GATEWAY, planned), planned
            ),
            Kind.WORKER_KILLED: lambda _: self._kill(WORKER),
            Kind.WORKER_FROZEN: lambda planned: self._freeze(WORKER, planned),
            Kind.BROKER_KILLED: lambda planned: self._kill(self._one_of(BROKER, planned)),
            Kind.BROKER_FROZEN: lambda planned: self._freeze(
                self._one_of(BROKER, planned), planned
            ),
            Kind.BROKER_FROZEN_LONG: lambda planned: self._freeze(
                self._one_of(BROKER, planned), planned
            ),
            Kind.BROKER_RESTARTED: lambda planned: self._restart(self._one_of(BROKER, planned)),
            Kind.LEADER_KILLED: self._kill_leader,
            Kind.LEADER_FROZEN: self._freeze_leader,
            Kind.LEADER_FROZEN_LONG: self._freeze_leader,
            Kind.BELOW_MIN_ISR: self._leave_one_broker,
            Kind.ROLLING_RESTART: lambda _: self._roll(),
            Kind.FOREIGN_RECORDS: self._write_foreign,
            Kind.BROKER_DISK_FULL: self._fill_disk,
            Kind.DATABASE_KILLED: lambda _: self._kill(DATABASE),
            Kind.DATABASE_FROZEN: lambda planned: self._freeze(DATABASE, planned),
            Kind.DATABASE_RESTARTED: lambda _: self._restart(DATABASE),
            Kind.BACKEND_KILLED: self._kill_backend,
            Kind.BACKEND_ENDED: self._end_backend,
            Kind.BACKEND_FROZEN: self._freeze_backend,
            Kind.WORKER_KILLED_WITH_BROKER_FROZEN: self._kill_worker_with_broker_frozen,
            Kind.DATABASE_KILLED_WITH_BROKER_FROZEN: self._kill_database_with_broker_frozen,
            Kind.CLIENT_GONE_IN_BODY: lambda _: self._mishap(mishaps.gone_in_its_body()),
            Kind.CLIENT_GONE_BEFORE_ANSWER: lambda _: self._mishap(
                mishaps.gone_before_its_answer()
            ),
            Kind.CLIENT_GONE_IN_PAGE: lambda _: self._mishap(mishaps.gone_in_its_page()),
            Kind.SAME_KEY_SAME_BODY: lambda _: self._race(same=True),
            Kind.SAME_KEY_OTHER_BODY: lambda _: self._race(same=False),
        }

    async def strike(self, planned: Planned) -> Struck:
        """Carry the fault out; LookupError when its victim is not there."""
        began = time.monotonic()
        struck = await self._kinds[planned.kind](planned)
        struck.lasted = struck.since - began
        return struck

    async def _kill(self, name: str) -> Struck:
        """Kill a part, the gateway with its workers, and start it again."""
        whole = name in self._stage.gateways
        pids = self._stage.family(name) if whole else [self._stage.pid(name)]
        send(pids, signal.SIGKILL)
        return Struck(time.monotonic(), self._start(name), in_the_way=name != WORKER)

    def _start(self, name: str) -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.to_thread(self._stage.start, name))

    async def _freeze(self, name: str, planned: Planned) -> Struck:
        return await self._freeze_pids(self._stage.family(name), planned.seconds)

    async def _freeze_pids(self, pids: Sequence[int], seconds: float) -> Struck:
        with frozen(pids):
            await asyncio.sleep(seconds)
        return Struck(time.monotonic())

    async def _restart(self, name: str) -> Struck:
        """Stop in an orderly way and start again; recovery counts from the order to stop."""
        since = time.monotonic()
        await asyncio.to_thread(self._stage.stop, name)
        return Struck(since, self._start(name))

    async def _kill_gateway_worker(self, planned: Planned) -> Struck:
        send([self._gateway_worker(planned)], signal.SIGKILL)
        return Struck(time.monotonic())

    async def _freeze_gateway_worker(self, planned: Planned) -> Struck:
        return await self._freeze_pids([self._gateway_worker(planned)], planned.seconds)

    def _gateway_worker(self, planned: Planned) -> int:
        return _chosen(self._stage.gateway_workers(), planned.luck)

    async def _kill_backend(self, planned: Planned) -> Struck:
        """Kill one session: PostgreSQL ends all the others, too, and recovers."""
        send([_chosen(self._stage.backends(), planned.luck)], signal.SIGKILL)
        return Struck(time.monotonic(), asyncio.create_task(self._database_is_back()))

    async def _end_backend(self, planned: Planned) -> Struck:
        """End one session as an administrator would; the others go on."""
        send([_chosen(self._stage.backends(), planned.luck)], signal.SIGTERM)
        return Struck(time.monotonic())

    async def _database_is_back(self) -> None:
        await asyncio.sleep(NOTICED_SECONDS)
        while not await asyncio.to_thread(self._stage.is_ready, DATABASE):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    async def _freeze_backend(self, planned: Planned) -> Struck:
        pid = _chosen(self._stage.backends(), planned.luck)
        return await self._freeze_pids([pid], planned.seconds)

    async def _kill_worker_with_broker_frozen(self, planned: Planned) -> Struck:
        """The worker dies with requests on the wire, which the broker reads when it wakes."""
        with frozen(self._stage.family(await self._leader(planned))):
            await asyncio.sleep(ENTERS_SECONDS)
            left = await self._mishaps.leave_on_the_wire()
            send([self._gateway_worker(planned)], signal.SIGKILL)
            await asyncio.sleep(planned.seconds)
        struck = Struck(time.monotonic())
        struck.after = asyncio.create_task(self._mishaps.decide(left))
        return struck

    async def _kill_database_with_broker_frozen(self, planned: Planned) -> Struck:
        """All worker lives end while their requests are on the wire."""
        with frozen(self._stage.family(await self._leader(planned))):
            await asyncio.sleep(ENTERS_SECONDS)
            struck = await self._kill(DATABASE)
            await asyncio.sleep(planned.seconds)
        struck.since = time.monotonic()
        return struck

    def _one_of(self, kind: str, planned: Planned) -> str:
        """Return a gateway or a broker: the only one, or one by luck."""
        names = self._stage.gateways if kind == GATEWAY else self._stage.brokers
        return names[int(planned.luck * len(names))]

    async def _leader(self, planned: Planned) -> str:
        """Return the broker that leads the first partition of one of the busy topics."""
        topic = self._resources[int(planned.luck * len(self._resources))].topic
        return await asyncio.to_thread(self._stage.leader_of, topic)

    async def _kill_leader(self, planned: Planned) -> Struck:
        return await self._kill(await self._leader(planned))

    async def _freeze_leader(self, planned: Planned) -> Struck:
        return await self._freeze(await self._leader(planned), planned)

    async def _leave_one_broker(self, planned: Planned) -> Struck:
        """Kill all brokers but one: what it leads has too few copies to acknowledge anything."""
        left = await self._leader(planned)
        killed = [name for name in self._stage.brokers if name != left]
        send([self._stage.pid(name) for name in killed], signal.SIGKILL)
        await asyncio.sleep(planned.seconds)

        async def start() -> None:
            await asyncio.gather(*(asyncio.to_thread(self._stage.start, each) for each in killed))

        return Struck(time.monotonic(), asyncio.create_task(start()))

    async def _roll(self) -> Struck:
        """Restart every part in order, as an upgrade does; recovery counts from the last one."""
        for pid in self._stage.gateway_workers():
            send([pid], signal.SIGTERM)
            await self._replaced(pid)
        await asyncio.to_thread(self._stage.stop, WORKER)
        await asyncio.to_thread(self._stage.start, WORKER)
        topics = [resource.topic for resource in self._resources]
        for broker in self._stage.brokers:
            await asyncio.to_thread(self._stage.stop, broker)
            await asyncio.to_thread(self._stage.start, broker)
            try:
                await asyncio.to_thread(self._stage.await_copies, topics)
            except LocalError as error:
                self._watch.accuse(f"copies are not in sync after a restart: {error}")
        return Struck(time.monotonic())

    async def _replaced(self, pid: int) -> None:
        """Wait until a worker has ended and its gateway has started another one."""
        deadline = time.monotonic() + REPLACED_SECONDS
        while time.monotonic() < deadline:
            workers = self._stage.gateway_workers()
            if pid not in workers and len(workers) >= self._stage.workers:
                return
            await asyncio.sleep(LOOK_SECONDS)
        self._watch.accuse(f"worker {pid} was not replaced within {REPLACED_SECONDS:.0f} s")

    async def _write_foreign(self, _planned: Planned) -> Struck:
        since = time.monotonic()
        await self._foreign.write(self._stage.bootstrap)
        struck = Struck(since)
        struck.after = asyncio.create_task(self._foreign.look())
        return struck

    async def _fill_disk(self, _planned: Planned) -> Struck:
        """Leave no byte, wait until the broker has noticed, give the space back, start it."""
        disk = self._stage.disk
        if disk is None:
            raise LookupError("no small disk on this machine")
        await asyncio.to_thread(disk.fill)
        deadline = time.monotonic() + DISK_NOTICED_SECONDS
        while time.monotonic() < deadline and self._stage.alive(BROKER):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        fell = not self._stage.alive(BROKER)
        disk.free()
        note = "the broker shut itself down" if fell else "the broker stayed up"
        return Struck(time.monotonic(), self._start(BROKER), note=note)

    async def _mishap(self, happening: Awaitable[None]) -> Struck:
        since = time.monotonic()
        await happening
        return Struck(since)

    async def _race(self, *, same: bool) -> Struck:
        since = time.monotonic()
        if not await self._mishaps.two_workers_at_once(same=same):
            raise LookupError("only one worker was found")
        return Struck(since)


def _chosen(pids: Sequence[int], luck: float) -> int:
    """Return one of the pids; LookupError when there are none."""
    if not pids:
        raise LookupError("its victim does not run")
    return pids[int(luck * len(pids))]


async def repaired(struck: Struck) -> None:
    """Wait for what was to be started again, and what else belongs to the fault."""
    for task in (struck.repair, struck.after):
        if task is not None:
            await task
