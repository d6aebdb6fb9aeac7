"""Bodies in chunks: cut anywhere they are the same, and none is work without end (P11)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.chunked import FRAMES_MAX, LINE_MAX, TRAILERS_MAX, Chunked
from gateway.http.errors import MalformedRequest
from tests.support.raw_http import chunk


def fed(*pieces: bytes) -> tuple[bytes, bytes, bool]:
    """Return the body, what came after it, and whether it ended."""
    reader, body, rest = Chunked(), b"", b""
    for piece in pieces:
        if reader.done:
            rest += piece
        else:
            part, rest = reader.feed(piece)
            body += part
    return body, rest, reader.done


def test_chunks_are_joined_and_what_follows_is_left() -> None:
    raw = b"3;a=b\r\nabc\r\n0A \r\n0123456789\r\n0\r\nX: y\r\n\r\nGET /"
    assert fed(raw) == (b"abc0123456789", b"GET /", True)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_cut_anywhere_the_body_is_the_same(parts: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(map(chunk, parts)) + b"0\r\nA: b\r\n\r\nnext"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    edges = zip([0, *cuts], [*cuts, len(raw)], strict=True)
    assert fed(*[raw[a:b] for a, b in edges]) == (b"".join(parts), b"next", True)


@pytest.mark.parametrize(
    "raw",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x3\r\nabc\r\n",
        b"3\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"\r\n",
        b"123456789\r\n",
        b"1;" + b"a" * LINE_MAX + b"\r\n",
        b"0\r\nA b\r\n\r\n",
        b"0\r\n: b\r\n\r\n",
        b"0\r\n" + b"A: b\r\n" * (TRAILERS_MAX // 6 + 1),
    ],
)
def test_what_are_no_chunks_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedRequest):
        fed(raw)
    with pytest.raises(MalformedRequest):
        fed(*[raw[place : place + 1] for place in range(len(raw))])


def test_a_chunk_for_each_byte_is_not_taken_for_long() -> None:
    """Eight million frames of one byte would hold the loop for seconds."""
    with pytest.raises(MalformedRequest):
        fed(chunk(b"x") * FRAMES_MAX)
    assert fed(chunk(b"x") * 100 + chunk(b""))[0] == b"x" * 100
