"""What grants show of a chunk, kept beside the chunk for all grants that show the same (P9).

Hundreds of departments subscribe to one resource under the same terms: its newest records are
projected, masked and written once for all of them, and evicted together with their chunk.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final

from exchange.delivery.blocks import Block, block
from exchange.delivery.predecessors import Predecessors
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.record import Fault, Reason
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.foreign import FOREIGN, LOST
from exchange.log.partitions import TopicPartition
from exchange.log.spans import Span, spanning, spans_of, within
from kernel.turns import Steps

BLOCK_RECORDS: Final = 256
"""Records of a block; their lines are kept together."""
BYTES_AT_ONCE: Final = 256 * 1024
"""Records projected in one step, a millisecond or two; one larger record is a step of its own."""

LINE_OVERHEAD_BYTES: Final = 48
"""More than a line takes beside its text: its end within the block."""


def prepared(chunk: Chunk) -> Steps[None]:
    """Find out, once for each chunk, what its blocks and the evidence of it are made from."""
    yield from spanning(chunk)
    yield from chunk.marking()


def block_of(
    cache: ChunkCache,
    topic_partition: TopicPartition,
    chunk: Chunk,
    indexes: range,
    projection: Projection,
    before: Predecessors | None = None,
) -> Steps[Block]:
    """Return what shows of the wanted records, which must not cross a multiple of BLOCK_RECORDS.

    `before` is needed where the projection needs predecessors, and covers them.
    """
    index = indexes.start // BLOCK_RECORDS
    first = index * BLOCK_RECORDS
    last = min(first + BLOCK_RECORDS, len(chunk.offsets))
    whole = within(spans_of(chunk), first, last)
    # All that the lines depend on names them beside the chunk.
    name: tuple[bytes | int, ...] = (index, *[projection.identity(each.version) for each in whole])
    if before is not None:
        name = (*name, projection.filter_identity, before.window.fold_id)
    cached = chunk.beside.get(name)
    if isinstance(cached, Block):
        return cached.part(indexes.start - first, indexes.stop - first)
    covered = before is None or before.cover(first, last)
    if not (covered and cache.has_room_beside(topic_partition, chunk)):
        # Nobody would have the rest of the block, or it is not known yet.
        part = within(whole, indexes.start, indexes.stop)
        return (yield from _block(cache, topic_partition, chunk, part, projection, before))
    created = yield from _block(cache, topic_partition, chunk, whole, projection, before)
    size = len(created.text) + created.count * LINE_OVERHEAD_BYTES
    cache.keep_beside(topic_partition, chunk, name, created, size)
    return created.part(indexes.start - first, indexes.stop - first)


def _block(
    cache: ChunkCache,
    topic_partition: TopicPartition,
    chunk: Chunk,
    spans: Sequence[Span],
    projection: Projection,
    before: Predecessors | None,
) -> Steps[Block]:
    """Show records as one text where nothing is in doubt, else line by line."""
    if before is None and len(spans) == 1:
        [(begin, end, version)] = spans
        texts = chunk.texts(begin, end)
        if texts is not None and len(texts[1]) <= BYTES_AT_ONCE:
            text = projection.text(version, *texts, end - begin)
            if text is not None:
                return Block(text, end - begin, end - begin)
    return block((yield from _lines(cache, topic_partition, chunk, spans, projection, before)))


def _lines(
    cache: ChunkCache,
    topic_partition: TopicPartition,
    chunk: Chunk,
    spans: Sequence[Span],
    projection: Projection,
    before: Predecessors | None,
) -> Steps[list[bytes | None]]:
    """Show records span by span, and name to operators those that cannot be read."""
    lines: list[bytes | None] = []
    for begin, end, version in _pieces(chunk, spans, before):
        if lines:
            yield
        faults: list[Fault] = []
        keys, values = chunk.records(begin, end)
        projected = projection.lines(version, keys, values, faults=faults)
        if before is not None:
            _tell_what_left(projected, before, Span(begin, end, version), projection, faults)
        lines += projected
        # What no batch of the platform covers was named when it was read.
        if faults and version is not None:
            places = sorted(fault.place for fault in faults)
            why = LOST if faults[0].reason is Reason.VERSION else FOREIGN
            cache.foreign.name(
                topic_partition, [chunk.offsets[begin + each] for each in places], why
            )
    return lines


def _tell_what_left(
    lines: list[bytes | None],
    before: Predecessors,
    span: Span,
    projection: Projection,
    faults: Sequence[Fault],
) -> None:
    """Put deletes where a row of the grant was replaced by none."""
    unreadable = {fault.place for fault in faults}
    hidden = [
        span.begin + place
        for place, line in enumerate(lines)
        if line is None and place not in unreadable
    ]
    departed = before.passing(projection, hidden)
    keys = [before.chunk.keys[at] for at in departed]
    deletes = projection.lines(span.version, keys, [None] * len(departed), range(len(departed)))
    for at, line in zip(departed, deletes, strict=True):
        lines[at - span.begin] = line


def _pieces(chunk: Chunk, spans: Sequence[Span], before: Predecessors | None) -> Iterator[Span]:
    """Cut spans where their records, and those before them, pass what is projected in one step."""
    if chunk.size_bytes + (before.window.size_bytes if before else 0) <= BYTES_AT_ONCE:
        yield from spans
        return
    for begin, end, version in spans:
        if before is None and chunk.value_bytes(begin, end) <= BYTES_AT_ONCE:
            yield Span(begin, end, version)
            continue
        first, size_bytes = begin, 0
        replaced = before.sizes(begin, end) if before else repeat(0)
        _keys, values = chunk.records(begin, end)
        for place, (value, more) in enumerate(zip(values, replaced), begin):  # noqa: B905 - one may be endless
            record_bytes = len(value or b"") + more
            size_bytes += record_bytes
            if size_bytes > BYTES_AT_ONCE and place > first:
                yield Span(first, place, version)
                first, size_bytes = place, record_bytes
        yield Span(first, end, version)
