"""What stood before the records of a page, for filters on items that are not of the key (P3, P6).

An update or a delete is told as a delete exactly if the record of its key before it in its
partition passes the filter. That record stands in the same chunk, or in the latest state.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exchange.delivery.fold_news import FoldNews
from exchange.delivery.projection.projection import Projection
from exchange.latest import windows
from exchange.latest.records import linking
from exchange.latest.windows import Window, WindowQuery
from exchange.log.chunks import Chunk
from exchange.log.errors import PositionExpiredError
from exchange.log.partitions import TopicPartition
from exchange.log.reader import Reader
from exchange.log.spans import spans_of
from exchange.log.topic_ids import TopicIds
from kernel import clock
from kernel.database import Database

# Bytes of predecessors that one question brings; a page may need several.
WINDOW_BYTES: Final = 1024 * 1024
LINK_BYTES: Final = 8
_LINKS: Final = "links"
_WINDOWS: Final = "windows"


@dataclass(frozen=True, slots=True)
class Predecessors:
    """Those of the records of a chunk at offsets from `begin` to before `end`."""

    chunk: Chunk
    links: Sequence[int]
    begin: int
    window: Window

    @property
    def end(self) -> int:
        return self.window.end

    def cover(self, first: int, last: int) -> bool:
        """Whether all of these places of the chunk are known of."""
        offsets = self.chunk.offsets
        return self.begin <= offsets[first] and offsets[last - 1] < self.end

    def of(self, at: int) -> tuple[int, bytes] | None:
        """Return version and value of what stood before the record at a place of the chunk."""
        link = self.links[at]
        if link < 0:
            return self.window.before.get(self.chunk.offsets[at])
        value = self.chunk.values[link]
        if not value or self.chunk.offsets[link] < self.window.unbroken_from:
            return None
        return _version_at(self.chunk, link), value

    def sizes(self, first: int, last: int) -> list[int]:
        """Return the bytes of each predecessor of a range of places."""
        predecessors = map(self.of, range(first, last))
        return [0 if before is None else len(before[1]) for before in predecessors]

    def passing(self, projection: Projection, places: Sequence[int]) -> list[int]:
        """Return those of the places whose predecessor is a row of the grant."""
        values = dict[int, tuple[list[int], list[bytes]]]()
        for at in places:
            before = self.of(at)
            if before is not None:
                whose, what = values.setdefault(before[0], ([], []))
                whose.append(at)
                what.append(before[1])
        return [
            at
            for version, (whose, what) in values.items()
            for at, passes in zip(whose, projection.passing(version, what), strict=True)
            if passes
        ]


def _version_at(chunk: Chunk, at: int) -> int:
    """Return the version of a record that is one."""
    spans = spans_of(chunk)
    version = spans[bisect_left(spans, at + 1, key=lambda span: span.end)].version
    return version or 0


class PredecessorSource:
    """Finds them, and keeps what it found beside the chunk for everybody who reads it."""

    def __init__(
        self, database: Database, reader: Reader, topic_ids: TopicIds, news: FoldNews
    ) -> None:
        self._database = database
        self._reader = reader
        self._topic_ids = topic_ids
        self._news = news

    async def of(
        self, resource_id: str, topic_partition: TopicPartition, chunk: Chunk, offset: int
    ) -> Predecessors | None:
        """Return those of the records from an offset on, of one record at least.

        None where the log is not folded so far: nobody knows yet. Raises PositionExpiredError
        where the log has lost the record meanwhile, and what a database raises.
        """
        cached: list[Predecessors] = chunk.beside.get(_WINDOWS, [])  # type: ignore[assignment] # ours
        for each in cached:
            if each.begin <= offset < each.end:
                return each
        topic_id = await self._topic_ids.get(topic_partition[0])
        start = chunk.offsets[0] if chunk.offsets else offset
        query = WindowQuery(
            resource_id,
            topic_partition[1],
            topic_id,
            start,
            offset,
            chunk.next_offset,
            WINDOW_BYTES,
        )
        async with self._database.reading() as session:
            window = await windows.window(session, query)
        if window is None or window.end <= offset:
            return None
        if offset < window.trimmed_to:
            # Retention took it since it was read: its predecessors are forgotten too.
            raise PositionExpiredError(topic_partition[1], window.trimmed_to)
        predecessors = Predecessors(
            chunk, await self._links(topic_partition, chunk), offset, window
        )
        cache = self._reader.cache
        if cache.has_room_beside(topic_partition, chunk):
            chunk.beside[_WINDOWS] = [*cached, predecessors]
            cache.keep_beside(
                topic_partition, chunk, (_WINDOWS, offset), predecessors, window.size_bytes
            )
        return predecessors

    async def _links(self, topic_partition: TopicPartition, chunk: Chunk) -> Sequence[int]:
        links: list[int] | None = chunk.beside.get(_LINKS)  # type: ignore[assignment] # ours
        if links is None:
            links = await self._reader.turns.finish(linking(chunk))
            size_bytes = len(links) * LINK_BYTES
            self._reader.cache.keep_beside(topic_partition, chunk, _LINKS, links, size_bytes)
        return links

    async def is_folded(
        self, resource_id: str, topic_partition: TopicPartition, offset: int
    ) -> bool:
        """Whether anything is known of a record at this offset."""
        topic_id = await self._topic_ids.get(topic_partition[0])
        async with self._database.reading() as session:
            return (
                await windows.folded_to(session, resource_id, topic_partition[1], topic_id) > offset
            )

    async def await_folded(
        self, resource_id: str, topic_partition: TopicPartition, offset: int, until: float
    ) -> None:
        """Return when something is known of a record at this offset, or when time is up."""
        with self._news.listening(resource_id) as ear:
            while not await self.is_folded(resource_id, topic_partition, offset):
                seconds = until - clock.monotonic()
                if seconds <= 0:
                    return
                await ear.news(seconds)
