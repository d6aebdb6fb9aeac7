"""Which contract version each record of a chunk was published under; pure.

The first record of a batch names the version and how many records of the batch follow it without
a gap (docs/topics.md). A record that no batch covers is nobody's that the platform knows.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from exchange.log.chunks import Chunk
from exchange.log.headers import begun_batch
from kernel.turns import Steps, finished

_SPANS: Final = "spans"
BATCHES_AT_ONCE: Final = 500
"""Batches looked at in one step, about a millisecond."""


class Span(NamedTuple):
    """Consecutive records of one version, by their places in a chunk; None where none is named."""

    begin: int
    end: int
    version: int | None


def spans_of(chunk: Chunk) -> Sequence[Span]:
    """Return the spans of all records of a chunk, made once."""
    if _SPANS not in chunk.beside:
        finished(spanning(chunk))
    return chunk.beside[_SPANS]  # type: ignore[return-value] # nobody else uses this name


def spanning(chunk: Chunk) -> Steps[None]:
    """Make the spans of a chunk unless they are: one of single records has ten thousand."""
    if _SPANS not in chunk.beside:
        chunk.beside[_SPANS] = yield from _spans(chunk)


def within(spans: Sequence[Span], begin: int, end: int) -> list[Span]:
    """Return the spans of a range of places of the chunk, cut to it."""
    if len(spans) == 1 and begin < end:  # of one version, as most chunks are
        [only] = spans
        return [Span(max(only.begin, begin), min(only.end, end), only.version)]
    first = bisect_left(spans, begin + 1, key=lambda span: span.end)
    found = []
    for span in spans[first:] if first else spans:
        if span.begin >= end:
            break
        found.append(Span(max(span.begin, begin), min(span.end, end), span.version))
    return found


def _spans(chunk: Chunk) -> Steps[Sequence[Span]]:
    offsets, spans, at = chunk.offsets, list[Span](), 0
    for number, (first, headers) in enumerate(chunk.headers, 1):
        if not number % BATCHES_AT_ONCE:
            yield
        begin = bisect_left(offsets, first, at)
        _add(spans, at, begin, None)
        version, count = begun_batch(headers) or (None, 1)
        at = bisect_left(offsets, first + count, begin)
        _add(spans, begin, at, version)
    _add(spans, at, len(offsets), None)
    return spans


def _add(spans: list[Span], begin: int, end: int, version: int | None) -> None:
    if begin == end:
        return
    if spans and spans[-1].version == version:
        begin = spans.pop().begin
    spans.append(Span(begin, end, version))
