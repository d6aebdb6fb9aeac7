"""Stateless reading: any offset, any worker, no consumer and no memory between calls."""

import asyncio
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

from exchange.log.batches import Batches
from exchange.log.connection import Connection, patiently
from exchange.log.errors import PositionExpiredError
from exchange.log.headers import versions_in
from exchange.log.packing.packer import checked_end
from kernel.turns import Steps, Turns, finished

EARLIEST, LATEST = -2, -1
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
FETCH_SECONDS = 10.0
MIN_BYTES = 1
WAIT_MS = 0
# What one record costs in memory beside its key and value, the headers that begin a batch, and one
# chunk beside its records, about (CPython 3.11).
RECORD_OVERHEAD_BYTES = 200
HEADERS_BYTES = 1_200
CHUNK_OVERHEAD_BYTES = 600
CACHE_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Chunk:
    """Records of one partition in the order of the log, from an offset on.

    `next_offset` is where to go on; `end` is the offset after the last committed record.
    `headers` are those of batch starts, also of the batch that `start` lies within; `versions`
    are the contract versions that they name. `beside` is what others made of the records.
    """

    start: int
    next_offset: int
    end: int
    offsets: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[tuple[int, Sequence[tuple[str, bytes | None]]]] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    size_bytes: int = CHUNK_OVERHEAD_BYTES
    batches: Batches | None = None
    beside: dict[Hashable, object] = field(default_factory=dict)

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return offset and digest of each batch that begins within, `end` exclusive.

        With `whole` also those of the batch that `first` lies within (docs/topics.md).
        """
        if self.batches is None:
            self.batches = Batches(self.headers)
        return self.batches.marks(first, end, whole=whole)


class ChunkCache:
    """The chunks read last, shared by all readers of a resource; bounded in bytes (P9)."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._most_of_one = max_bytes // 4
        self._bytes = 0
        self._chunks: OrderedDict[tuple[str, int, int], Chunk] = OrderedDict()
        self._starts: dict[tuple[str, int], list[int]] = {}
        self.ends: dict[tuple[str, int], int] = {}

    def find(self, place: tuple[str, int], offset: int) -> Chunk | None:
        """Return a chunk that holds the record at `offset`, if one is at hand."""
        starts = self._starts.get(place)
        if not starts:
            return None
        index = bisect_right(starts, offset) - 1
        if index < 0:
            return None
        key = (*place, starts[index])
        chunk = self._chunks[key]
        if offset >= chunk.next_offset:
            return None
        self._chunks.move_to_end(key)
        return chunk

    def add(self, place: tuple[str, int], chunk: Chunk) -> None:
        """Keep a chunk; one that starts where another does takes its place."""
        self.ends[place] = max(self.ends.get(place, 0), chunk.end)
        if chunk.next_offset == chunk.start or chunk.size_bytes > self._most_of_one:
            return
        key = (*place, chunk.start)
        if key in self._chunks:
            self._remove(key)
        self._chunks[key] = chunk
        insort(self._starts.setdefault(place, []), chunk.start)
        self._bytes += chunk.size_bytes
        self._shrink()

    def has_room_beside(self, place: tuple[str, int], chunk: Chunk) -> bool:
        """Whether something made of this chunk would be kept with it."""
        kept = self._chunks.get((*place, chunk.start)) is chunk
        return kept and chunk.size_bytes < self._most_of_one

    def keep_beside(
        self, place: tuple[str, int], chunk: Chunk, name: Hashable, thing: object, size_bytes: int
    ) -> None:
        """Keep what was made of a chunk for as long as the chunk, where it has room."""
        if self.has_room_beside(place, chunk):
            chunk.beside[name] = thing
            chunk.size_bytes += size_bytes
            self._bytes += size_bytes
            self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._max_bytes:
            self._remove(next(iter(self._chunks)))

    def lag(self, place: tuple[str, int], offset: int) -> int:
        """Return how many places of the log lie after `offset`, as far as is known here."""
        return max(0, self.ends.get(place, 0) - offset)

    def _remove(self, key: tuple[str, int, int]) -> None:
        topic, partition, start = key
        self._bytes -= self._chunks.pop(key).size_bytes
        starts = self._starts[topic, partition]
        starts.remove(start)
        if not starts:
            del self._starts[topic, partition]


class Reader:
    def __init__(
        self, connection: Connection, cache: ChunkCache, turns: Turns | None = None
    ) -> None:
        self._connection = connection
        self.cache = cache
        self.turns = turns or Turns()
        self._under_way: dict[tuple[str, int, int, int], asyncio.Task[Chunk]] = {}

    async def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Chunk:
        """Return what the log holds from `offset` on; equal readings under way are shared.

        Raises PositionExpiredError below the earliest kept offset, BrokerUnavailable.
        """
        if (chunk := self.cache.find((topic, partition), offset)) is not None:
            return chunk
        wanted = (topic, partition, offset, max_bytes)
        task = self._under_way.get(wanted)
        if task is None:
            task = asyncio.create_task(self._read(*wanted))
            self._under_way[wanted] = task
            task.add_done_callback(lambda _done: self._under_way.pop(wanted, None))
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
            return await self.turns.finish(parsing(info, offset))

        try:
            chunk = await patiently(
                attempt,
                seconds=FETCH_SECONDS,
                connection=self._connection,
                through=OffsetOutOfRangeError,
            )
        except OffsetOutOfRangeError as error:
            earliest = await self.offset(topic, partition, EARLIEST)
            raise PositionExpiredError(partition, earliest) from error
        self.cache.add((topic, partition), chunk)
        return chunk

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

        found = await patiently(attempt, seconds=FETCH_SECONDS, connection=self._connection)
        if at == LATEST:
            return max(found, self.cache.ends.get((topic, partition), 0))
        # A time after the last record has no offset of its own: its place is the end.
        return found if found >= 0 else await self.offset(topic, partition, LATEST)


def parse(info: Sequence[Any], offset: int) -> Chunk:
    """Turn one partition's answer into records at once."""
    return finished(parsing(info, offset))


def parsing(info: Sequence[Any], offset: int) -> Steps[Chunk]:
    """Turn one partition's answer into records: CRC checked, without aborted or control batches."""
    _partition, code, _high_watermark, stable, _start, aborted, *_replica, data = info
    if code:
        raise for_code(code)
    chunk = Chunk(start=offset, next_offset=offset, end=stable)
    hidden = _Aborted(aborted)
    data = data or b""
    records = MemoryRecords(data)
    place = 0
    while records.has_next():
        batch = records.next_batch()
        place = checked_end(data, place)
        if not hidden.hides(batch):
            _take(chunk, batch, offset)
        chunk.next_offset = max(chunk.next_offset, batch.next_offset)
        yield
    return chunk


def _take(chunk: Chunk, batch: Any, offset: int) -> None:  # noqa: ANN401 - aiokafka is untyped
    offsets, keys, values = chunk.offsets, chunk.keys, chunk.values
    for record in batch:
        if record.headers:
            chunk.headers.append((record.offset, record.headers))
            chunk.versions.update(versions_in(record.headers))
            chunk.size_bytes += HEADERS_BYTES
        if record.offset < offset:
            continue
        offsets.append(record.offset)
        key, value = record.key or b"", record.value
        keys.append(key)
        values.append(value)
        chunk.size_bytes += RECORD_OVERHEAD_BYTES + len(key) + len(value or b"")


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
