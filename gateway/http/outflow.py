"""Answers leave in pieces, each only while it may leave (P3), and none faster than it is taken.

The transport's own buffer is empty before a piece is handed on, so what it cannot pass to the
kernel at once is less than one piece, and is dropped with the connection.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gateway.http.budgets import Untaken
from kernel.errors import ShuyuanError

# As much as the kernel takes at once: each piece more is a call of the kernel, and of the peer.
PIECE_BYTES = 256 * 1024
# Up to here, copying a body behind its head is cheaper than giving the kernel two pieces.
JOINED_BYTES = 16 * 1024
# The kernel doubles it for its own bookkeeping: 256 KiB are handed on and untaken at most.
KERNEL_BYTES = 128 * 1024
# While a slow reader is waited for, so often is asked whether the rest may still leave.
ASK_SECONDS = 0.1
# A client that takes not one piece in so long has left, or is as good as gone; asking again costs
# it nothing but the request (P6).
UNTAKEN_SECONDS = 60
# A peer that is silent and gone is noticed after two minutes.
PROBE_IDLE_SECONDS, PROBE_SECONDS, PROBES = 60, 15, 4
_RESET: Final = struct.pack("ii", 1, 0)

MayLeave = Callable[[], None]
Body = bytes | tuple[bytes, ...]
"""A body as one piece, or as several that the kernel puts together: nobody copies them before."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was taken or its answer had left."""


class CutShortError(Exception):
    """The rest of an answer may not leave, or nobody takes it: its connection was ended."""


Piece = tuple[memoryview, ...]


def size_of(body: Body | Piece) -> int:
    """Return the bytes of a body."""
    return len(body) if isinstance(body, bytes) else sum(map(len, body))


def joined(body: Body | Piece) -> bytes:
    """Return a body as one piece."""
    return body if isinstance(body, bytes) else b"".join(body)


def cut(body: Body) -> Iterator[Piece]:
    """Cut a body into pieces of PIECE_BYTES, the last one of the rest, without copying it."""
    piece, room = list[memoryview](), PIECE_BYTES
    for part in (body,) if isinstance(body, bytes) else body:
        left = memoryview(part)
        while left:
            piece.append(left[:room])
            left, room = left[room:], room - len(piece[-1])
            if not room:
                yield tuple(piece)
                piece, room = [], PIECE_BYTES
    if piece:
        yield tuple(piece)


def always() -> None:
    """Let an answer leave that no grant stands behind."""


class Outflow:
    """The sending half of one connection."""

    __slots__ = ("_loop", "_resumed", "begun", "handed_on", "lost", "paused", "transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self.transport = transport
        self.paused = False
        self.lost = False
        self._resumed: asyncio.Future[None] | None = None
        # Whether the present answer has begun to leave, and how much of its body has.
        self.begun = False
        self.handed_on = 0
        transport.set_write_buffer_limits(high=0)

    def resume(self) -> None:
        self.paused = False
        resumed = self._resumed
        if resumed is not None and not resumed.done():
            resumed.set_result(None)

    def lose(self) -> None:
        self.lost = True
        self.resume()

    async def send(
        self, head: bytes, body: Body, may_leave: MayLeave, pot: Untaken, holder: str
    ) -> None:
        """Send an answer; raises what `may_leave` raises while nothing of it has left.

        After that a refusal raises CutShortError: the connection is aborted and what the client
        had not taken is dropped. Raises ClientGoneError where the client has left.
        """
        self.begun, self.handed_on = False, 0
        size = size_of(body)
        if not self.paused and size <= PIECE_BYTES:
            self._begin(head, body, size, may_leave)
            if not self.paused:
                return
        pot.hold(holder, size)
        try:
            pieces = cut(body)
            first = next(pieces, ())
            if not self.begun:
                await self._room(may_leave)
                self._begin(head, first, size_of(first), may_leave)
            await self._rest(pieces, may_leave)
        finally:
            pot.release(holder, size)

    def _begin(self, head: bytes, body: Body | Piece, size: int, may_leave: MayLeave) -> None:
        """Write head and first piece in the turn in which they may leave."""
        if self.lost or self.transport.is_closing():
            raise ClientGoneError
        may_leave()
        if size <= JOINED_BYTES:
            self.transport.write(head + joined(body))
        elif isinstance(body, bytes):
            self.transport.writelines((head, body))
        else:
            self.transport.writelines((head, *body))
        self.begun, self.handed_on = True, size

    async def _rest(self, pieces: Iterable[Piece], may_leave: MayLeave) -> None:
        """Send what follows the first piece, and return when the kernel has all of it."""
        try:
            for piece in pieces:
                if self.paused:
                    await self._room(may_leave)
                may_leave()
                self.transport.writelines(piece)
                self.handed_on += size_of(piece)
            if self.paused:
                await self._room(may_leave)
        except ClientGoneError:
            raise
        except ShuyuanError as error:
            self.abort()
            raise CutShortError from error
        except BaseException:
            self.abort()
            raise

    async def more(self, piece: bytes, may_leave: MayLeave = always) -> None:
        """Send a further piece of an answer that is made as it leaves.

        Raises ClientGoneError, and CutShortError where it may not leave any more: what the client
        had not taken is dropped with the connection.
        """
        try:
            for place in range(0, len(piece), PIECE_BYTES):
                await self._room(may_leave)
                if self.lost or self.transport.is_closing():
                    raise ClientGoneError
                may_leave()
                self.transport.write(piece[place : place + PIECE_BYTES])
        except ShuyuanError as error:
            self.abort()
            raise CutShortError from error

    async def _room(self, may_leave: MayLeave) -> None:
        """Return when everything before was taken; raises what `may_leave` raises meanwhile."""
        ends_at = self._loop.time() + UNTAKEN_SECONDS
        while self.paused and not self.lost:
            may_leave()
            resumed = self._resumed = self._loop.create_future()
            await asyncio.wait((resumed,), timeout=ASK_SECONDS)
            if self._loop.time() > ends_at:
                self.abort()
        if self.lost:
            raise ClientGoneError

    def abort(self) -> None:
        """End the connection at once; what was not taken is dropped, also by the kernel."""
        if self.lost:
            return
        self.lost = True
        self.handed_on = max(0, self.handed_on - self.transport.get_write_buffer_size())
        end = self.transport.get_extra_info("socket")
        if end is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


def prepare(transport: asyncio.Transport) -> None:
    """Bound what the kernel keeps of a connection, and let it end one whose peer is gone."""
    end = transport.get_extra_info("socket")
    if end is None or end.family not in (socket.AF_INET, socket.AF_INET6):
        return
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_IDLE_SECONDS),
        ("TCP_KEEPINTVL", PROBE_SECONDS),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", UNTAKEN_SECONDS * 1000),
    ):
        # Not every system has them all; what is ours ends a stalled answer there too.
        if hasattr(socket, name):
            end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
