"""Folds one partition: from where it is folded to up to the end of its log, then as news come."""

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from exchange.latest import store
from exchange.latest.indexer import Indexer
from exchange.latest.records import folding
from exchange.latest.store import Beginning, Lease, Stretch
from exchange.log.chunks import Chunk
from exchange.log.errors import BrokerUnavailable, PositionExpiredError
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.topics import topic_of
from exchange.log.watch import Concern, Tail
from kernel import clock
from kernel.database import Database

log = logging.getLogger(__name__)

# The log is asked this often whether it is still the same, and where it begins.
LOOK_SECONDS: Final = 10.0
FETCH_BYTES: Final = 4 * 1024 * 1024
# One transaction folds so much at most; so many of them, and so many readings, are under way.
BATCH_BYTES: Final = 4 * 1024 * 1024
BATCH_RECORDS: Final = 5_000
WRITES_AT_ONCE: Final = 2
READS_AT_ONCE: Final = 4
MYSELF: Final = Concern("projector", "", "", "")


class OtherLogError(Exception):
    """The log is not the one that was folded: its topic was made anew, or it lost records."""


class Tools:
    """What the partitions of one process share; `generation` is the one in force."""

    def __init__(
        self, database: Database, reader: Reader, tail: Tail, topic_ids: TopicIds, me: str
    ) -> None:
        self.database = database
        self.reader = reader
        self.tail = tail
        self.topic_ids = topic_ids
        self.me = me
        self.generation = 0
        self.reading = asyncio.Semaphore(READS_AT_ONCE)
        self.writing = asyncio.Semaphore(WRITES_AT_ONCE)

    async def earliest(self, topic: str, partitions: int) -> Sequence[int]:
        """Return the first places that partitions keep; BrokerUnavailable."""
        return [await self.reader.offset(topic, p, EARLIEST) for p in range(partitions)]


@dataclass(frozen=True, slots=True)
class FoldRange:
    """Records of a chunk by their places in it, and the offsets that they are folded between."""

    first: int
    last: int
    begin: int
    end: int


class Folder:
    """One partition that this process folds, from `at` on."""

    def __init__(self, tools: Tools, lease: Lease) -> None:
        self._tools = tools
        self._lease = lease
        self._at = lease.folded_to
        self._looked_at: float | None = None
        self._quiet_at: float | None = None
        self._indexer = Indexer(tools.database, tools.reader.turns, tools.me, lease)
        self._topic = topic_of(lease.resource_id)

    async def go_on(self) -> None:
        """Fold what there is, or wait for more.

        Raises OtherLogError, LeaseLostError, BrokerUnavailable and what a database raises.
        """
        now = clock.monotonic()
        if self._looked_at is None or now - self._looked_at > LOOK_SECONDS:
            await self._look()
            self._looked_at = now
        await self._indexer.go_on()
        tools, lease = self._tools, self._lease
        asked_at = clock.epoch()
        async with tools.reading:
            try:
                chunk = await tools.reader.read(self._topic, lease.partition, self._at, FETCH_BYTES)
            except PositionExpiredError as error:
                await self._lost(error)
                return
            if chunk.next_offset > self._at:
                await self._fold(chunk, asked_at)
                return
        if not lease.caught_up:
            await self._caught_up()
        if self._indexer.has_more:
            return
        place = (self._topic, lease.partition)
        self._quiet_at = asked_at
        try:
            await tools.tail.wait({place: self._at}, MYSELF, LOOK_SECONDS)
        finally:
            self._quiet_at = None

    @property
    def quiet_at(self) -> float | None:
        """When the log last held nothing that is not folded; None while there is something."""
        if self._quiet_at is None:
            return None
        heard = self._tools.tail.quiet_at((self._topic, self._lease.partition))
        return max(self._quiet_at, heard or 0.0)

    async def _fold(self, chunk: Chunk, asked_at: float) -> None:
        """Fold a chunk in batches; another holder may have come further, or not so far."""
        while chunk.start <= self._at < chunk.next_offset:
            batch = _cut(chunk, self._at)
            folded = await self._tools.reader.turns.finish(folding(chunk, batch.first, batch.last))
            terms = await self._indexer.terms(folded)
            async with self._tools.writing, self._tools.database.transaction() as session:
                as_of = asked_at if batch.end >= chunk.end else None
                stretch = Stretch(batch.begin, batch.end, as_of)
                at = await store.write(session, self._tools.me, self._lease, stretch, folded, terms)
            self._at = at

    async def _caught_up(self) -> None:
        async with self._tools.database.transaction() as session:
            await store.catch_up(session, self._tools.me, self._lease)
        self._lease = replace(self._lease, caught_up=True)

    async def _lost(self, error: PositionExpiredError) -> None:
        """Go on behind what retention took before it was folded, and say so."""
        if error.earliest <= self._at:
            await self._require_end()
            raise BrokerUnavailable
        log.error(
            "%s, partition %d: records from %d to %d were lost before they were folded; of what"
            " they replaced nothing is known",
            self._topic, self._lease.partition, self._at, error.earliest,
        )  # fmt: skip
        async with self._tools.database.transaction() as session:
            await store.skip_gap(session, self._tools.me, self._lease, error.earliest)
        self._at = error.earliest

    async def _require_end(self) -> None:
        """Raise OtherLogError where the log ends before what was folded of it."""
        partition = self._lease.partition
        if await self._tools.reader.offset(self._topic, partition, LATEST) < self._at:
            raise OtherLogError

    async def _look(self) -> None:
        """See that the log is the one that was folded, and forget what it lost."""
        tools, lease = self._tools, self._lease
        if await tools.topic_ids.get(self._topic) != lease.topic_id:
            raise OtherLogError
        if lease.generation != tools.generation:
            # A restored database is an earlier state of the same fold, a restored log is not.
            await self._require_end()
            async with tools.database.transaction() as session:
                await store.confirm(session, tools.me, lease, tools.generation)
            self._lease = replace(lease, generation=tools.generation)
        await self._indexer.look_when_due()
        await self._trim()

    async def _trim(self) -> None:
        tools, lease = self._tools, self._lease
        earliest = await tools.reader.offset(self._topic, lease.partition, EARLIEST)
        if earliest == 0:
            return
        async with tools.database.transaction() as session:
            await store.trim_to(session, tools.me, lease, earliest)
        forgotten = store.ROWS
        while forgotten == store.ROWS:
            async with tools.writing, tools.database.transaction() as session:
                forgotten = await store.trim(session, lease)

    async def begin_anew(self) -> None:
        """Give the resource's folds up for those of the log that there is."""
        tools, lease = self._tools, self._lease
        log.error("%s is not the log that was folded; it is folded anew", self._topic)
        async with tools.database.reading() as session:
            partitions = await store.partitions(session, lease.resource_id)
        topic_id = await tools.topic_ids.get(self._topic)
        earliest = await tools.earliest(self._topic, partitions)
        beginning = Beginning(lease.resource_id, topic_id, tools.generation, earliest)
        async with tools.database.transaction() as session:
            await store.begin_anew(session, lease, beginning)


def _cut(chunk: Chunk, begin: int) -> FoldRange:
    """Return the records from an offset on that one transaction folds, one at least."""
    offsets = chunk.offsets
    first = last = bisect_left(offsets, begin)
    size_bytes = 0
    for size in chunk.sizes(first, min(len(offsets), first + BATCH_RECORDS)):
        if size_bytes >= BATCH_BYTES:
            break
        size_bytes += size
        last += 1
    end = offsets[last] if last < len(offsets) else chunk.next_offset
    return FoldRange(first, last, begin, end)
