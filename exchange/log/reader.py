"""Stateless reading: any offset, any worker, no consumer and no memory between calls."""

import asyncio
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TypeAlias

from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

from exchange.log.batches import Batches
from exchange.log.connection import Answer, Connection, patiently
from exchange.log.errors import PositionExpiredError, UnreadableBatchError
from exchange.log.foreign import UNREADABLE, ForeignRecords
from exchange.log.headers import VERSION, begun_batch
from exchange.log.packing.packer import checked_end
from exchange.log.partitions import TopicPartition
from kernel.turns import FairScheduler, Steps, finished

EARLIEST, LATEST = -2, -1
NO_PRODUCER = -1
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
FETCH_SECONDS = 10.0
# A position that a leader does not have is looked for again so often, as late as that.
LOOKS_AGAIN_SECONDS = (0.05, 0.25, 0.7)
# So many records are decoded between two turns of the loop: a batch may hold half a million.
RECORDS_AT_ONCE = 2_000
MIN_BYTES = 1
WAIT_MS = 0
# What one record costs in memory beside its key and value, the headers that begin a batch, and one
# chunk beside its records, about (CPython 3.11).
RECORD_OVERHEAD_BYTES = 200
HEADERS_BYTES = 1_200
CHUNK_OVERHEAD_BYTES = 600
CACHE_BYTES = 64 * 1024 * 1024


Buffer: TypeAlias = bytes | bytearray | memoryview


@dataclass(slots=True)
class Chunk:
    """Records of one partition in the order of the log, from an offset on.

    `next_offset` is where to go on; `end` is the offset after the last committed record, `log_end`
    that after the last one that all copies have: an open transaction lies between.
    `headers` are those of batch starts, also of the batch that `start` lies within; `versions`
    are the contract versions that they name. `foreign` are offsets, rising, of records that no
    batch of the platform covers: others wrote them, and what they hold is not known. Records that
    cannot even be decoded are left out, their offsets in `left_out`. `beside` is what others made
    of the records.
    """

    start: int
    next_offset: int
    end: int
    offsets: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[tuple[int, Sequence[tuple[str, bytes | None]]]] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    log_end: int = 0
    foreign: list[int] = field(default_factory=list)
    left_out: list[range] = field(default_factory=list)
    size_bytes: int = CHUNK_OVERHEAD_BYTES
    batches: Batches | None = None
    beside: dict[Hashable, object] = field(default_factory=dict)

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return offset and digest of each batch that begins within, `end` exclusive.

        With `whole` also those of the batch that `first` lies within (docs/topics.md).
        """
        return finished(self.marking()).marks(first, end, whole=whole)

    def marking(self) -> Steps[Batches]:
        """Read what the headers say of the batches, once."""
        if self.batches is None:
            self.batches = yield from Batches.of(self.headers)
        return self.batches


class ChunkCache:
    """The chunks read last, shared by all readers of a resource; bounded in bytes (P9)."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._most_of_one = max_bytes // 4
        self._bytes = 0
        self._chunks: OrderedDict[tuple[str, int, int], Chunk] = OrderedDict()
        self._starts: dict[tuple[str, int], list[int]] = {}
        self.ends: dict[tuple[str, int], int] = {}
        self._log_ends: dict[tuple[str, int], int] = {}
        self.foreign = ForeignRecords()

    def find(self, topic_partition: TopicPartition, offset: int) -> Chunk | None:
        """Return a chunk that holds the record at `offset`, if one is at hand."""
        starts = self._starts.get(topic_partition)
        if not starts:
            return None
        index = bisect_right(starts, offset) - 1
        if index < 0:
            return None
        key = (*topic_partition, starts[index])
        chunk = self._chunks[key]
        if offset >= chunk.next_offset:
            return None
        self._chunks.move_to_end(key)
        return chunk

    def add(self, topic_partition: TopicPartition, chunk: Chunk) -> None:
        """Keep a chunk; one that starts where another does takes its place."""
        self.ends[topic_partition] = max(self.ends.get(topic_partition, 0), chunk.end)
        self._log_ends[topic_partition] = max(
            self._log_ends.get(topic_partition, 0), chunk.log_end, chunk.end
        )
        if chunk.foreign:
            self.foreign.name(topic_partition, chunk.foreign)
        for offsets in chunk.left_out:
            self.foreign.name(topic_partition, offsets)
        if chunk.next_offset == chunk.start or chunk.size_bytes > self._most_of_one:
            return
        key = (*topic_partition, chunk.start)
        if key in self._chunks:
            self._remove(key)
        self._chunks[key] = chunk
        insort(self._starts.setdefault(topic_partition, []), chunk.start)
        self._bytes += chunk.size_bytes
        self._shrink()

    def has_room_beside(self, topic_partition: TopicPartition, chunk: Chunk) -> bool:
        """Whether something made of this chunk would be kept with it."""
        is_cached = self._chunks.get((*topic_partition, chunk.start)) is chunk
        return is_cached and chunk.size_bytes < self._most_of_one

    def keep_beside(
        self,
        topic_partition: TopicPartition,
        chunk: Chunk,
        name: Hashable,
        thing: object,
        size_bytes: int,
    ) -> None:
        """Keep what was made of a chunk for as long as the chunk, where it has room."""
        if self.has_room_beside(topic_partition, chunk):
            chunk.beside[name] = thing
            chunk.size_bytes += size_bytes
            self._bytes += size_bytes
            self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._max_bytes:
            self._remove(next(iter(self._chunks)))

    def lag(self, topic_partition: TopicPartition, offset: int) -> int:
        """Return how many places of the log lie after `offset`, as far as is known here.

        Those behind an open transaction count: acknowledged records may be among them.
        """
        return max(0, self._log_ends.get(topic_partition, 0) - offset)

    def forget(self, topic_partition: TopicPartition) -> None:
        """Drop what is known of a partition whose log is not what it was."""
        for start in list(self._starts.get(topic_partition, ())):
            self._remove((*topic_partition, start))
        self.ends.pop(topic_partition, None)
        self._log_ends.pop(topic_partition, None)

    def forget_topic(self, topic: str) -> None:
        """Forget what was read of a topic, and its ends: it was made anew."""
        for key in [key for key in self._chunks if key[0] == topic]:
            self._remove(key)
        for topic_partition in [
            topic_partition for topic_partition in self.ends if topic_partition[0] == topic
        ]:
            del self.ends[topic_partition]

    def _remove(self, key: tuple[str, int, int]) -> None:
        topic, partition, start = key
        self._bytes -= self._chunks.pop(key).size_bytes
        starts = self._starts[topic, partition]
        starts.remove(start)
        if not starts:
            del self._starts[topic, partition]


class Reader:
    def __init__(
        self, connection: Connection, cache: ChunkCache, turns: FairScheduler | None = None
    ) -> None:
        self._connection = connection
        self.cache = cache
        self.turns = turns or FairScheduler()
        self._under_way: dict[tuple[str, int, int, int], asyncio.Task[Chunk]] = {}

    @property
    def foreign_records(self) -> int:
        """How many records of others were met so far."""
        return self.cache.foreign.records

    async def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Chunk:
        """Return what the log holds from `offset` on; equal readings under way are shared.

        Raises PositionExpiredError below the earliest kept offset, BrokerUnavailable.
        """
        if (chunk := self.cache.find((topic, partition), offset)) is not None:
            return chunk
        key = (topic, partition, offset, max_bytes)
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._read(*key))
            self._under_way[key] = task
            task.add_done_callback(lambda _done: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Chunk:
        request = FetchRequest(
            WAIT_MS,
            MIN_BYTES,
            max_bytes,
            READ_COMMITTED,
            [(topic, [(partition, offset, max_bytes)])],
        )

        async def attempt() -> Chunk:
            answer = await self._connection.ask_leader(topic, partition, request)
            [(_topic, [info])] = answer.topics
            try:
                return await self.turns.finish(parsing(info, offset))
            except UnreadableBatchError as error:
                self.cache.foreign.name((topic, partition), error.offsets, UNREADABLE)
                raise

        looks = list(LOOKS_AGAIN_SECONDS)
        while True:
            try:
                chunk = await self._patiently(attempt, topic, through=OffsetOutOfRangeError)
            except OffsetOutOfRangeError as error:
                earliest = await self.offset(topic, partition, EARLIEST)
                first_look = len(looks) == len(LOOKS_AGAIN_SECONDS)
                if not looks or (offset < earliest and not first_look):
                    self.cache.forget((topic, partition))
                    raise PositionExpiredError(partition, earliest) from error
                # One that led until just now may not know of its successor, nor how far it went.
                await asyncio.sleep(looks.pop(0))
                await self._connection.refresh([topic])
            else:
                self.cache.add((topic, partition), chunk)
                return chunk

    async def _patiently(
        self,
        attempt: Callable[[], Awaitable[Answer]],
        topic: str,
        through: tuple[type[KafkaError], ...] | type[KafkaError] = (),
    ) -> Answer:
        return await patiently(
            attempt,
            seconds=FETCH_SECONDS,
            connection=self._connection,
            through=through,
            topics=(topic,),
        )

    async def offset(
        self, topic: str, partition: int, at: int, isolation: int = READ_COMMITTED
    ) -> int:
        """Return the offset at a time in milliseconds, EARLIEST or LATEST.

        LATEST lies before a transaction that is still open, unless read uncommitted, and never
        before what was read here: a broker that has just become leader again may tell for a moment
        of an end that it had passed, and a page asked again would be empty (P6).
        """
        request = OffsetRequest(-1, isolation, [(topic, [(partition, at)])])

        async def attempt() -> int:
            answer = await self._connection.ask_leader(topic, partition, request)
            [(_topic, [(_partition, code, _timestamp, offset, *_rest)])] = answer.topics
            if code:
                raise for_code(code)
            return int(offset)

        info = await self._patiently(attempt, topic)
        if at == LATEST:
            return max(info, self.cache.ends.get((topic, partition), 0))
        # A time after the last record has no offset of its own: its place is the end.
        return info if info >= 0 else await self.offset(topic, partition, LATEST)


def parse(info: Sequence[Any], offset: int) -> Chunk:
    """Turn one partition's answer into records at once."""
    return finished(parsing(info, offset))


def parsing(info: Sequence[Any], offset: int) -> Steps[Chunk]:
    """Turn one partition's answer into records: CRC checked, without aborted or control batches."""
    _partition, code, high_watermark, stable, _start, aborted, *_replica, data = info
    if code:
        raise for_code(code)
    chunk = Chunk(start=offset, next_offset=offset, end=stable, log_end=high_watermark)
    hidden = _Aborted(aborted)
    data = data or b""
    records = MemoryRecords(data)
    read_to = 0
    while records.has_next():
        batch, begin = records.next_batch(), read_to
        read_to = checked_end(data, read_to)
        if not hidden.hides(batch):
            yield from _taking_all(chunk, batch, offset, data[begin:read_to])
        chunk.next_offset = max(chunk.next_offset, batch.next_offset)
        yield
    return chunk


def _taking_all(
    chunk: Chunk,
    batch: Any,  # noqa: ANN401
    offset: int,
    stored: Buffer,
) -> Steps[None]:
    """Take a batch, or leave all of it out when its records cannot be decoded.

    Others may write what they like: header names that are not UTF-8, lengths beyond the batch,
    compressions that nobody knows. Its checksum is right, so no second reading would help. One
    that may be the platform's own is never left out: UnreadableBatchError.
    """
    records, headers, foreign = len(chunk.offsets), len(chunk.headers), len(chunk.foreign)
    size_bytes, covered = chunk.size_bytes, -1
    try:
        for some in _decoded(batch):
            covered = _take(chunk, some, offset, covered)
            yield
    except _UndecodableError as error:
        if _may_be_ours(batch, stored):
            raise UnreadableBatchError(batch.base_offset, batch.next_offset) from error
        for column in (chunk.offsets, chunk.keys, chunk.values):
            del column[records:]
        del chunk.headers[headers:], chunk.foreign[foreign:]
        chunk.size_bytes = size_bytes
        chunk.left_out.append(range(batch.base_offset, batch.next_offset))


def _take(chunk: Chunk, records: Sequence[Any], offset: int, covered: int) -> int:
    """Take records from an offset on; `covered` is where those of the batch before end.

    Column by column: a turn of a loop for each record would take a third more.
    """
    first = records[0].offset
    gaps: list[range] = []
    for at, headers in [(each.offset, each.headers) for each in records if each.headers]:
        if (begun := begun_batch(headers)) is None:
            continue
        if covered < at > first:
            gaps.append(range(covered, at))
        chunk.headers.append((at, headers))
        chunk.versions.add(begun[0])
        covered = at + begun[1]
        chunk.size_bytes += HEADERS_BYTES
    if first < offset:
        records = [each for each in records if each.offset >= offset]
    offsets = [each.offset for each in records]
    keys = [each.key or b"" for each in records]
    values = [each.value for each in records]
    if offsets and offsets[-1] >= covered:
        gaps.append(range(covered, offsets[-1] + 1))
    if gaps:
        chunk.foreign += [at for at in offsets if any(at in gap for gap in gaps)]
    chunk.offsets += offsets
    chunk.keys += keys
    chunk.values += values
    sizes = sum(map(len, keys)) + sum(map(len, filter(None, values)))
    chunk.size_bytes += RECORD_OVERHEAD_BYTES * len(offsets) + sizes
    return covered


def _may_be_ours(batch: Any, stored: Buffer) -> bool:  # noqa: ANN401 - aiokafka is untyped
    """Whether the platform may have written a batch that cannot be decoded.

    Its writers are idempotent, and a batch begins with its headers; what the broker has compressed
    cannot be looked into.
    """
    if getattr(batch, "producer_id", NO_PRODUCER) == NO_PRODUCER:
        return False
    return bool(batch.compression_type) or VERSION.encode() in bytes(stored)


class _UndecodableError(Exception):
    """Nobody can read the records of a batch."""


def _decoded(batch: Any) -> Iterator[list[Any]]:  # noqa: ANN401
    """Decode a batch some records at a time; raises _UndecodableError."""
    try:
        # Iterated once: aiokafka's batch refuses to begin again, and each slice would begin it.
        remaining = chain(batch)
        while len(some := list(islice(remaining, RECORDS_AT_ONCE))) == RECORDS_AT_ONCE:
            yield some
        if some:
            yield some
    except Exception as error:
        raise _UndecodableError from error


class _Aborted:
    """Knows which transactional batches were aborted, as the broker's answer lists them."""

    def __init__(self, aborted: Sequence[tuple[int, int]] | None) -> None:
        self._starts = sorted(aborted or [], key=lambda item: item[1])
        self._open: set[int] = set()

    def hides(self, batch: Any) -> bool:  # noqa: ANN401 - aiokafka is untyped
        if batch.is_control_batch:
            self._open.discard(batch.producer_id)
            return True
        while self._starts and self._starts[0][1] <= batch.base_offset:
            self._open.add(self._starts.pop(0)[0])
        return bool(batch.is_transactional) and batch.producer_id in self._open
