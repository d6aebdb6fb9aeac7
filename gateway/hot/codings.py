"""Content codings: bodies that come coded, in bounded steps, and pages that leave coded."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from typing import Final

import cramjam

from gateway.http.errors import MalformedRequest
from gateway.negotiation import weights
from gateway.problems import CodingNotSupported
from kernel.errors import TooLarge

STEP_BYTES = 256 * 1024
# Smaller answers are not worth the time of both sides.
CODED_BYTES = 64 * 1024
ZSTD_LEVEL, GZIP_LEVEL = 1, 1
# zlib: a gzip head and trailer, and the window that they allow.
_GZIP_WINDOW = 31
ACCEPTED: Final = "zstd, gzip"
HEAD: Final = b"content-encoding: %b\r\nvary: accept-encoding\r\n"

Decode = Callable[[bytes, int], AsyncIterator[bytes]]


def decoder(coding: bytes) -> Decode | None:
    """Return what decodes a body, None for one as it is; raises CodingNotSupported."""
    name = coding.strip().lower()
    if name == b"identity":
        return None
    if name == b"zstd":
        return _unzstd
    if name in (b"gzip", b"x-gzip"):
        return _gunzip
    raise CodingNotSupported(ACCEPTED)


async def _gunzip(body: bytes, _limit: int) -> AsyncIterator[bytes]:
    """Yield the content in steps; the caller stops where it becomes too much."""
    rest = body
    while rest:
        stream = zlib.decompressobj(_GZIP_WINDOW)
        while not stream.eof:
            try:
                part = stream.decompress(rest, STEP_BYTES)
            except zlib.error:
                raise _malformed("gzip") from None
            rest = stream.unconsumed_tail
            if not (part or rest or stream.eof):
                raise _malformed("gzip")
            yield part
            await asyncio.sleep(0)
        # Several members one after the other are one content (RFC 1952 section 2.2).
        rest = stream.unused_data
    if not body:
        raise _malformed("gzip")


async def _unzstd(body: bytes, limit: int) -> AsyncIterator[bytes]:
    """Yield the content at once, written into a buffer of `limit` bytes that it must fit in.

    The library decodes whole contents only; a thread keeps a large one from holding the loop.
    """
    small = len(body) <= STEP_BYTES // 16
    target = bytearray(min(limit, STEP_BYTES) if small else limit)
    try:
        size = await _written(body, target)
        if size is None:
            target = bytearray(limit)
            size = await asyncio.to_thread(_write, body, target)
    except cramjam.DecompressionError:
        raise _malformed("zstd") from None
    if size is None:
        raise TooLarge(limit_bytes=limit)
    yield bytes(memoryview(target)[:size])


async def _written(body: bytes, target: bytearray) -> int | None:
    if len(target) <= STEP_BYTES:
        return _write(body, target)
    return await asyncio.to_thread(_write, body, target)


def _write(body: bytes, target: bytearray) -> int | None:
    """Return how many bytes were decoded, None where the target is too small for them."""
    try:
        return int(cramjam.zstd.decompress_into(body, target))
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            return None
        raise


def _malformed(coding: str) -> MalformedRequest:
    return MalformedRequest(f"请求体不是合法的 {coding}", f"The body is not {coding}")


@lru_cache(maxsize=512)
def best(accept_encoding: bytes) -> bytes:
    """Return the coding of a large answer, empty for none.

    zstd wherever it is welcome; gzip only where it is named, and nothing else would do.
    """
    if not accept_encoding:
        return b""
    accepted = weights(accept_encoding)
    anything = accepted.get(b"*", 0.0)
    if accepted.get(b"zstd", anything) > 0:
        return b"zstd"
    return b"gzip" if accepted.get(b"gzip", 0.0) > 0 and b"*" not in accepted else b""


async def encode(coding: bytes, body: bytes) -> bytes:
    """Return a coded body, made in steps between which others have their turn."""
    stream = cramjam.zstd.Compressor(ZSTD_LEVEL) if coding == b"zstd" else _Gzip()
    parts = []
    for place in range(0, len(body), STEP_BYTES):
        stream.compress(body[place : place + STEP_BYTES])
        parts.append(bytes(stream.flush()))
        await asyncio.sleep(0)
    parts.append(bytes(stream.finish()))
    return b"".join(parts)


class _Gzip:
    """zlib in the form of the other library."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        self._parts: list[bytes] = []

    def compress(self, piece: bytes) -> None:
        self._parts.append(self._stream.compress(piece))

    def flush(self) -> bytes:
        flushed = b"".join(self._parts)
        self._parts.clear()
        return flushed

    def finish(self) -> bytes:
        return self._stream.flush()
