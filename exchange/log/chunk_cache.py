"""The chunks read last, and what others made of them."""

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Hashable

from exchange.log.chunks import Chunk
from exchange.log.foreign import ForeignRecords
from exchange.log.partitions import TopicPartition

CACHE_BYTES = 64 * 1024 * 1024


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
