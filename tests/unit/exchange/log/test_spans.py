"""Which version a record was published under, read from the headers of batches."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.log.chunks import Chunk
from exchange.log.headers import COUNT, VERSION
from exchange.log.spans import Span, spans_of, within


def chunk_of(
    offsets: list[int], batches: list[tuple[int, list[tuple[str, bytes | None]]]]
) -> Chunk:
    chunk = Chunk(start=offsets[0], next_offset=offsets[-1] + 1, end=offsets[-1] + 1)
    chunk.offsets, chunk.headers = offsets, list(batches)
    return chunk


def batch(version: bytes | None, count: bytes | None) -> list[tuple[str, bytes | None]]:
    return [(VERSION, version), (COUNT, count)]


def test_batches_of_one_version_are_one_span() -> None:
    chunk = chunk_of([0, 1, 2, 3, 4], [(0, batch(b"1", b"2")), (2, batch(b"1", b"3"))])
    assert list(spans_of(chunk)) == [Span(0, 5, 1)]


def test_a_chunk_may_begin_within_a_batch() -> None:
    chunk = chunk_of([7, 8, 9], [(5, batch(b"3", b"4")), (9, batch(b"4", b"1"))])
    assert list(spans_of(chunk)) == [Span(0, 2, 3), Span(2, 3, 4)]


def test_records_behind_a_batch_are_not_of_it() -> None:
    chunk = chunk_of([0, 1, 5, 6, 7], [(0, batch(b"1", b"2")), (6, batch(b"2", b"1"))])
    assert list(spans_of(chunk)) == [
        Span(0, 2, 1),
        Span(2, 3, None),
        Span(3, 4, 2),
        Span(4, 5, None),
    ]


def test_headers_that_cannot_be_read_name_no_version() -> None:
    for version in (b"abc", b"", None, b"-1", b"1" * 30, b"\xff"):
        chunk = chunk_of([0, 1, 2], [(0, batch(version, b"1")), (1, batch(b"2", b"1")), (2, [])])
        assert list(spans_of(chunk)) == [Span(0, 1, None), Span(1, 2, 2), Span(2, 3, None)]
        chunk = chunk_of([0, 1], [(0, batch(b"1", version)), (1, batch(b"2", b"1"))])
        assert list(spans_of(chunk)) == [Span(0, 1, None), Span(1, 2, 2)]


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([1, 2, None])), min_size=1), st.data())
def test_every_place_lies_in_one_span(
    batches: list[tuple[int, int | None]], data: st.DataObject
) -> None:
    expected: list[int | None] = []
    headers = []
    for count, version in batches:
        if version is not None:
            headers.append((len(expected), batch(b"%d" % version, b"%d" % count)))
        expected += [version] * count
    spans = spans_of(chunk_of(list(range(len(expected))), headers))
    begin = data.draw(st.integers(0, len(expected) - 1))
    end = data.draw(st.integers(begin + 1, len(expected)))
    cut = within(spans, begin, end)
    assert [v for b, e, v in cut for _ in range(b, e)] == expected[begin:end]
    assert cut[0].begin == begin
