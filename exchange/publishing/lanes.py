"""The ways into the log of one worker: its writer's carrier, and a log for batches that span."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from exchange.log.accepted import PositionRange
from exchange.log.access import Brokers
from exchange.log.carrier import Carrier
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown, WriterOver
from exchange.log.partitions import TopicPartition
from exchange.log.produce import Slice
from exchange.log.transaction import SpanningLog, spanning_id
from exchange.log.writer import Writers, transactional_id
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import is_passing
from kernel.errors import Unavailable
from kernel.group_commit import GroupCommit

log = logging.getLogger(__name__)

Share = tuple[TopicPartition, Slice]

# What one transaction over several partitions holds.
REQUESTS_TOGETHER, BATCH_BYTES = 1_000, 1024 * 1024

# A transaction that takes longer waits for a broker that hangs: what comes goes on without it.
LATE_SECONDS = 5.0
ENTER_SECONDS = 5.0
RETRY_SECONDS = 0.1
OLD_SECONDS = 24 * 3600.0
"""Kafka forgets a transactional id that began no transaction for a week, and with it the producer
that a fence must name (`transactional.id.expiration.ms`): no writer may grow so old."""


@dataclass(slots=True, eq=False)
class Writer:
    """One way into the log; as a context it is kept from its end while a publish needs it.

    `generation` is its number and that of the worker life which others take its publishes for;
    `lease` is the life that the worker had when it was made.
    """

    life: int
    lease: int
    carrier: Carrier
    spanning: SpanningLog
    transactions: GroupCommit[Sequence[Share], list[int]]
    old_at: float
    users: int = 0

    def __enter__(self) -> None:
        self.users += 1

    def __exit__(self, *_error: object) -> None:
        self.users -= 1

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
        self._open: dict[int, Writer] = {}
        self._current: Writer | None = None
        self._entering = asyncio.Lock()
        self._replacing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def writer(self, *, spanning: bool = False) -> Writer:
        """Return the writer that writes now; BrokerUnavailable without one.

        `spanning` says that it may write over several partitions at once.
        """
        writer = self._current
        if writer is None or writer.lease != self._changes.life:
            writer = await self._enter()
        if spanning:
            await writer.spanning.enter()
            if writer.life not in self._open:
                raise BrokerUnavailable
        if clock.monotonic() > writer.old_at:
            self.give_up(writer.life)
        return writer

    async def append(
        self, writer: Writer, topic: str, slices: Sequence[tuple[int, Slice]], size_bytes: int
    ) -> list[PositionRange]:
        """Store one slice for each partition, all of them or none, and return where they are.

        Raises BrokerUnavailable or BatchTooLarge when nothing was stored, OutcomeUnknown when it
        may have been.
        """
        if writer.life not in self._open or writer.lease != self._changes.life:
            raise BrokerUnavailable
        try:
            if len(slices) == 1:
                partition, only = slices[0]
                firsts = [await writer.carrier.put((topic, partition), only, size_bytes)]
            else:
                parts = [((topic, partition), each) for partition, each in slices]
                firsts = await writer.transactions.submit(parts, size_bytes)
        except (OutcomeUnknown, WriterOver):
            self.give_up(writer.life)
            raise
        return [
            PositionRange(partition, first, first + len(each.keys) - 1)
            for (partition, each), first in zip(slices, firsts, strict=True)
        ]

    def give_up(self, life: int) -> None:
        """Replace a writer that does not know what it wrote, so that its publishes can be settled.

        The worker goes on: its rules, its open polls and its other partitions do not notice.
        """
        writer = self._current
        if writer is None or writer.life != life or self._replacing is not None:
            return
        self._replacing = self._start(self._replace(writer))

    async def _enter(self) -> Writer:
        """Begin to write under the worker's present life; BrokerUnavailable."""
        async with self._entering:
            lease = self._changes.life
            if lease is None:
                raise BrokerUnavailable
            if self._current is None or self._current.lease != lease:
                self._leave_all()
                self._current = await self._begin(lease, lease)
            return self._current

    async def _replace(self, writer: Writer) -> None:
        """Go on under the number of another life of this lease; the old writer finds its end."""
        try:
            while self._current is writer and self._changes.life == writer.lease:
                if await self._succeed(writer):
                    break
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._replacing = None
        self._start(self._retire(writer))

    async def _succeed(self, writer: Writer) -> bool:
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

    async def _retire(self, writer: Writer) -> None:
        """End a writer's life once nothing of it is under way."""
        await self._close_spanning(writer)
        await _until(lambda: writer.idle)
        self._open.pop(writer.life, None)
        await self._changes.end_life(writer.life)

    def _leave_all(self) -> None:
        """Close the writers whose lease is over."""
        over = list(self._open.values())
        self._open.clear()
        self._current = None
        for writer in over:
            self._start(self._close_spanning(writer))

    async def _close_spanning(self, writer: Writer) -> None:
        """What a transaction left open would hold up every reader."""
        if writer.life in self._open:
            await _until(lambda: writer.spanning.broken or writer.idle)
        unfinished = writer.spanning.broken
        writer.spanning.leave()
        if unfinished:
            with suppress(BrokerUnavailable):
                await self._writers.enter(spanning_id(writer.life))

    async def _begin(self, number: int, lease: int) -> Writer:
        producer = await self._writers.enter(transactional_id(number))
        spanning = SpanningLog(self._brokers, number)
        carrier = Carrier(self._small, self._large, producer)
        old_at = clock.monotonic() + OLD_SECONDS
        transactions = GroupCommit(
            _all_at_once(spanning, partial(self.give_up, number)),
            most=REQUESTS_TOGETHER,
            most_bytes=BATCH_BYTES,
            keeps_left=True,
        )
        writer = Writer(number, lease, carrier, spanning, transactions, old_at)
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
    spanning: SpanningLog, late: Callable[[], None]
) -> Callable[[Sequence[Sequence[Share]]], Awaitable[list[list[int]]]]:
    """Return what appends requests in one transaction; `late` is called while one hangs."""

    async def append(requests: Sequence[Sequence[Share]]) -> list[list[int]]:
        overdue = asyncio.get_running_loop().call_later(LATE_SECONDS, late)
        try:
            firsts = iter(await spanning.append([share for parts in requests for share in parts]))
        except Unavailable:
            raise
        except Exception as error:
            # Only the append itself may say BrokerUnavailable: that nothing was written.
            if not is_passing(error):
                log.exception("a transaction over several partitions failed")
            raise Unavailable from error
        finally:
            overdue.cancel()
        return [[next(firsts) for _part in parts] for parts in requests]

    return append
