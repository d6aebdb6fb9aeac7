"""Which values of a chunk are records of the platform's, and how they follow one another.

A record is what the platform may have written: an object, or nothing, under a readable key, in a
batch that names its version. What others wrote is nobody's predecessor and has none (P12).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from catalog.contracts.readable import is_key, readable
from exchange.latest.fold import Folded, Record, add, nothing
from exchange.log.chunks import Chunk
from exchange.log.spans import spanning, spans_of, within
from kernel.turns import Steps

AT_ONCE: Final = 1_000
"""Records looked at between two turns of the loop, about half a millisecond."""


def are_records(keys: Sequence[bytes], values: Sequence[bytes | None]) -> list[bool]:
    """Tell of records whose batch names a version which of them the platform may have written."""
    read = iter(readable([value for value in values if value]))
    return [
        (next(read) is not None if value else True) and is_key(key)
        for key, value in zip(keys, values, strict=True)
    ]


def records_of(chunk: Chunk, begin: int, end: int) -> Iterator[tuple[int, Record]]:
    """Yield the records of a range of a chunk's places, each with its place in the chunk."""
    for first, last, version in within(spans_of(chunk), begin, end):
        if version is None:
            continue
        keys, values = chunk.records(first, last)
        told = zip(keys, values, are_records(keys, values), strict=True)
        for at, (key, value, is_record) in enumerate(told, first):
            if is_record:
                yield at, Record(chunk.offsets[at], key, version, value or None)


def folding(chunk: Chunk, begin: int, end: int) -> Steps[Folded]:
    """Fold a range of a chunk's places in turns."""
    yield from spanning(chunk)
    batches = yield from chunk.marking()
    folded = nothing()
    for first in range(begin, end, AT_ONCE):
        for _at, record in records_of(chunk, first, min(first + AT_ONCE, end)):
            add(folded, record)
        yield
    folded.batches.extend(batches.mark_at(record.place) for record in folded.latest.values())
    return folded


def linking(chunk: Chunk) -> Steps[list[int]]:
    """Return for each place of a chunk that of its predecessor in it, -1 where none is there."""
    yield from spanning(chunk)
    links = [-1] * len(chunk.offsets)
    last = dict[bytes, int]()
    for first in range(0, len(links), AT_ONCE):
        for at, record in records_of(chunk, first, min(first + AT_ONCE, len(links))):
            links[at] = last.get(record.key, -1)
            last[record.key] = at
        yield
    return links
