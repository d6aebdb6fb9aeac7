"""The ways into the log of one worker: its writer's carrier, and a log for batches that span."""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from exchange.log.access import Brokers
from exchange.log.carrier import Carrier
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown, WriterOver
from exchange.log.produce import Place, Slice
from exchange.log.transaction import SpanningLog, spanning_id
from exchange.log.writer import Writers, transactional_id
from kernel.changes import ChangeFeed
from kernel.database import is_passing
from kernel.errors import Unavailable
from kernel.group_commit import GroupCommit

log = logging.getLogger(__name__)

Part = tuple[Place, Slice]

# What one transaction over several partitions holds.
REQUESTS_TOGETHER, BATCH_BYTES = 1_000, 1024 * 1024

ENTER_SECONDS = 5.0
RETRY_SECONDS = 0.1
OLD_SECONDS = 24 * 3600.0
"""Kafka forgets a transactional id that began no transaction for a week, and with it the producer
that a fence must name (`transactional.id.expiration.ms`): no writer may grow so old."""


def partition_of(key: bytes, partitions: int) -> int:
    """Return crc32(key) % partitions: librdkafka's `consistent` partitioner (`api.md`)."""
    return zlib.crc32(key) % partitions


@dataclass(slots=True, eq=False)
class _Writer:
    """One numbered writer; `lease` is the worker life under which it was taken."""

    number: int
    lease: int
    carrier: Carrier
    spanning: SpanningLog
    transactions: GroupCommit[Sequence[Part], list[int]]
    old_at: float
    users: int = 0

    @property
    def idle(self) -> bool:
        return not self.users and self.carrier.idle and self.transactions.idle


class Lanes:
    """`small` and `large` carry records of one request each; requests on one are in order.

    A writer that does not know what became of a batch is replaced: the next one takes what comes,
    the old one finds its end, and only then its life is over and its publishes can be settled.
    """

    def __init__(
        self, brokers: Brokers, small: Connection, large: Connection, changes: ChangeFeed
    ) -> None:
        self._brokers = brokers
        self._small = small
        self._large = large
        self._changes = changes
        self._writers = Writers(small)
        self._open: dict[int, _Writer] = {}
        self._current: _Writer | None = None
        self._entering = asyncio.Lock()
        self._replacing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def life(self, *, spanning: bool = False) -> int:
        """Return the number of the writer that writes now; BrokerUnavailable without one.

        `spanning` says that it may write over several partitions at once.
        """
        writer = self._current
        if writer is None or writer.lease != self._changes.life:
            writer = await self._enter()
        if spanning:
            await writer.spanning.enter()
        if asyncio.get_running_loop().time() > writer.old_at:
            self.give_up(writer.number)
        return writer.number

    @contextmanager
    def using(self, life: int) -> Iterator[None]:
        """Keep a writer's life from ending by its replacement while a publish needs it."""
        writer = self._open.get(life)
        if writer is None:
            raise BrokerUnavailable
        writer.users += 1
        try:
            yield
        finally:
            writer.users -= 1

    async def append(self, life: int, place: Place, part: Slice, size_bytes: int) -> int:
        """Return the offset of the part's first record.

        Raises BrokerUnavailable or BatchTooLarge when nothing was stored, OutcomeUnknown when it
        may have been.
        """
        writer = self._writer(life)
        try:
            return await writer.carrier.put(place, part, size_bytes)
        except (OutcomeUnknown, WriterOver):
            self.give_up(life)
            raise

    async def append_spanning(self, life: int, parts: Sequence[Part], size_bytes: int) -> list[int]:
        """Return the first offset of each part, all of them stored or none; raises as `append`."""
        writer = self._writer(life)
        try:
            return await writer.transactions.submit(parts, size_bytes)
        except (OutcomeUnknown, WriterOver):
            self.give_up(life)
            raise

    def give_up(self, life: int) -> None:
        """Replace a writer that does not know what it wrote, so that its publishes can be settled.

        The worker goes on: its rules, its open polls and its other partitions do not notice.
        """
        writer = self._current
        if writer is None or writer.number != life or self._replacing is not None:
            return
        self._replacing = self._start(self._replace(writer))

    def _writer(self, life: int) -> _Writer:
        writer = self._open.get(life)
        if writer is None or writer.lease != self._changes.life:
            raise BrokerUnavailable
        return writer

    async def _enter(self) -> _Writer:
        """Begin to write under the worker's present life; BrokerUnavailable."""
        async with self._entering:
            lease = self._changes.life
            if lease is None:
                raise BrokerUnavailable
            if self._current is None or self._current.lease != lease:
                self._leave_all()
                self._current = await self._begin(lease, lease)
            return self._current

    async def _replace(self, writer: _Writer) -> None:
        """Go on under the number of another life of this lease; the old writer finds its end."""
        try:
            while self._current is writer and self._changes.life == writer.lease:
                if await self._succeed(writer):
                    break
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._replacing = None
        self._start(self._retire(writer))

    async def _succeed(self, writer: _Writer) -> bool:
        number = await self._changes.begin_life()
        if number is None:
            return False
        try:
            # Its coordinator may be the broker that hangs: another number may have another one.
            async with asyncio.timeout(ENTER_SECONDS):
                successor = await self._begin(number, writer.lease)
        except (BrokerUnavailable, TimeoutError):
            await self._changes.end_life(number)
            return False
        self._current = successor
        return True

    async def _retire(self, writer: _Writer) -> None:
        """End a writer's life once nothing of it is under way."""
        await self._close_spanning(writer)
        await _until(lambda: writer.idle)
        self._open.pop(writer.number, None)
        await self._changes.end_life(writer.number)

    def _leave_all(self) -> None:
        """Close the writers whose lease is over."""
        over = list(self._open.values())
        self._open.clear()
        self._current = None
        for writer in over:
            self._start(self._close_spanning(writer))

    async def _close_spanning(self, writer: _Writer) -> None:
        """What a transaction left open would hold up every reader."""
        if writer.number in self._open:
            await _until(lambda: writer.spanning.broken or writer.idle)
        unfinished = writer.spanning.broken
        writer.spanning.leave()
        if unfinished:
            with suppress(BrokerUnavailable):
                await self._writers.enter(spanning_id(writer.number))

    async def _begin(self, number: int, lease: int) -> _Writer:
        producer = await self._writers.enter(transactional_id(number))
        spanning = SpanningLog(self._brokers, number)
        carrier = Carrier(self._small, self._large, producer)
        old_at = asyncio.get_running_loop().time() + OLD_SECONDS
        transactions = GroupCommit(
            _all_at_once(spanning), most=REQUESTS_TOGETHER, most_bytes=BATCH_BYTES, keeps_left=True
        )
        writer = _Writer(number, lease, carrier, spanning, transactions, old_at)
        self._open[number] = writer
        return writer

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._open.values()):
            await writer.spanning.close()
        self._open.clear()
        self._current = None


async def _until(condition: Callable[[], bool]) -> None:
    """Look again and again: what is waited for has a bound of its own."""
    while True:
        if condition():
            return
        await asyncio.sleep(RETRY_SECONDS)


def _all_at_once(
    spanning: SpanningLog,
) -> Callable[[Sequence[Sequence[Part]]], Awaitable[list[list[int]]]]:
    async def append(requests: Sequence[Sequence[Part]]) -> list[list[int]]:
        try:
            firsts = iter(await spanning.append([part for parts in requests for part in parts]))
        except Unavailable:
            raise
        except Exception as error:
            # Only the append itself may say BrokerUnavailable: that nothing was written.
            if not is_passing(error):
                log.exception("a transaction over several partitions failed")
            raise Unavailable from error
        return [[next(firsts) for _part in parts] for parts in requests]

    return append
