"""Coded bodies are undone in bounded steps, and a bomb is stopped where its limit is (F6, P11)."""

import gzip
import tracemalloc
import zlib

import cramjam
import pytest

from gateway.hot import codings
from gateway.http.errors import MalformedRequest
from gateway.problems import CodingNotSupported
from kernel.errors import TooLarge

LINES = b"".join(b'{"id":"%d"}\n' % number for number in range(60_000))
LIMIT = 8 * 1024 * 1024
CODED = {
    b"gzip": gzip.compress(LINES),
    b"x-gzip": gzip.compress(LINES[:1000]) + gzip.compress(LINES[1000:]),
    b"zstd": bytes(cramjam.zstd.compress(LINES)),
    b"ZSTD": bytes(cramjam.zstd.compress(LINES[:9])) + bytes(cramjam.zstd.compress(LINES[9:])),
}


async def decoded(coding: bytes, body: bytes, limit: int = LIMIT) -> bytes:
    decode = codings.decoder(coding)
    assert decode is not None
    parts = []
    async for part in decode(body, limit):
        parts.append(part)
        if sum(map(len, parts)) > limit:
            raise TooLarge(limit_bytes=limit)
    return b"".join(parts)


@pytest.mark.parametrize("coding", CODED)
async def test_a_coded_body_is_what_it_was(coding: bytes) -> None:
    assert await decoded(coding, CODED[coding]) == LINES


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
@pytest.mark.parametrize("damage", ["cut", "junk", "empty", "behind"])
async def test_what_is_not_coded_so_is_malformed(coding: bytes, damage: str) -> None:
    body = CODED[coding]
    bad = {"cut": body[:-3], "junk": b"{}", "empty": b"", "behind": body + b"junk"}[damage]
    with pytest.raises(MalformedRequest):
        await decoded(coding, bad)


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
async def test_a_bomb_is_stopped_at_the_limit(coding: bytes) -> None:
    """A kilobyte may stand for gigabytes: never more than the limit is made of it."""
    many = b"\0" * (64 * LIMIT)
    body = zlib.compress(many, wbits=31) if coding == b"gzip" else cramjam.zstd.compress(many)
    del many
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            await decoded(coding, bytes(body))
        assert tracemalloc.get_traced_memory()[1] < 4 * LIMIT
    finally:
        tracemalloc.stop()


def test_a_coding_that_nobody_undoes_names_those_that_are() -> None:
    with pytest.raises(CodingNotSupported) as caught:
        codings.decoder(b"br")
    assert caught.value.accepted == "zstd, gzip"
    assert codings.decoder(b"identity") is None


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
async def test_a_page_leaves_in_steps_and_is_whole(coding: bytes) -> None:
    coded = await codings.encode(coding, LINES)
    assert len(coded) < len(LINES) // 2
    assert await decoded(coding, coded) == LINES
