"""Takes a broker's answers off its connection, each read into a buffer of its own size.

aiokafka's stream reader lets a buffer grow piece by piece, stops and resumes reading whenever it
holds 128 KiB, and copies the answer out: for a large one that costs more than reading it.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Final

_SIZE: Final = struct.Struct(">i")
SPARE_BYTES: Final = 64 * 1024
"""So much is asked of the kernel while no answer is under way: several small ones may come."""

Take = Callable[[bytes | bytearray], None]


class Frames(asyncio.BufferedProtocol):
    """Hands whole answers on, and all else that happens to a connection to who had it before.

    What `take` raises ends the connection; a negative size is a ValueError.
    """

    def __init__(self, before: asyncio.Protocol, take: Take) -> None:
        self._before = before
        self._take = take
        self._spare = memoryview(bytearray(SPARE_BYTES))
        self._left = 0
        """Bytes in the spare buffer that are no whole size yet."""
        self._body: bytearray | None = None
        self._filled = 0

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the answer says how much
        if self._body is not None:
            return memoryview(self._body)[self._filled :]
        return self._spare[self._left :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._body is None:
            self._divide(self._left + nbytes)
            return
        self._filled += nbytes
        if self._filled == len(self._body):
            body, self._body = self._body, None
            self._take(body)

    def _divide(self, end: int) -> None:
        """Hand on what is whole in the spare buffer; begin what is not."""
        at = self._left = 0
        while end - at >= _SIZE.size:
            [size] = _SIZE.unpack_from(self._spare, at)
            if size < 0:
                raise ValueError(f"an answer of {size} bytes")
            at += _SIZE.size
            if end - at < size:
                self._begin(size, self._spare[at:end])
                return
            frame = bytes(self._spare[at : at + size])
            at += size
            self._take(frame)
        self._left = end - at
        self._spare[: self._left] = bytes(self._spare[at:end])

    def _begin(self, size: int, begun: memoryview) -> None:
        self._body, self._filled = bytearray(size), len(begun)
        self._body[: len(begun)] = begun

    def eof_received(self) -> bool | None:
        return self._before.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.connection_lost(exc)

    def pause_writing(self) -> None:
        self._before.pause_writing()

    def resume_writing(self) -> None:
        self._before.resume_writing()
