"""Answers that their clients do not take: bounded for a worker and for each client (P9).

An answer that the kernel has no room for waits in the worker's memory. While a client leaves too
much of it there, it gets no further page; a connection that takes nothing at all is ended.
"""

import asyncio
import resource
import socket
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kernel.errors import TooMany, Unavailable

# A client that takes nothing for so long has left, or is as good as gone; asking again costs it
# nothing but the request (P6).
UNTAKEN_SECONDS = 60
# One client may leave this part of what a worker holds.
SHARES = 4
MEBI = 1024 * 1024
# In a request's scope: whose answer it is.
HOLDER = "exchange.holder"


class Untaken:
    """What waits to be taken on the connections of one worker; sizes are those of the beginning."""

    def __init__(self, most_bytes: int = 256 * MEBI) -> None:
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._held_by: dict[str, int] = {}

    def require_room(self, holder: str) -> None:
        """Raise TooMany or Unavailable while too much of the holder's, or of all, is not taken."""
        if not self.held_bytes:
            return
        if self._held_by.get(holder, 0) > self.most_bytes // SHARES:
            raise TooMany(
                "本系统未取走的应答过多，请先读完再请求",
                "Too many answers of yours are not taken; read them first",
            )
        if self.held_bytes > self.most_bytes:
            raise Unavailable("本节点待取走的应答过多，请稍后重试", "Too much waits to be taken")

    def hold(self, holder: str, size: int) -> None:
        self.held_bytes += size
        self._held_by[holder] = self._held_by.get(holder, 0) + size

    def release(self, holder: str, size: int) -> None:
        self.held_bytes -= size
        left = self._held_by[holder] - size
        if left:
            self._held_by[holder] = left
        else:
            del self._held_by[holder]


# One process is one worker.
UNTAKEN: Final = Untaken()


class Connection(HttpToolsProtocol):
    """A connection that knows how much of its answer is not taken."""

    _held: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        end = transport.get_extra_info("socket")
        if end is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # The kernel ends it, whether the answer waits with us or with the kernel.
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_SECONDS * 1000)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._held is None:
            holder = str(dict(self.cycle.scope).get(HOLDER, ""))
            self._held = (holder, self.transport.get_write_buffer_size())
            UNTAKEN.hold(*self._held)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._release()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            UNTAKEN.release(*self._held)
            self._held = None


def allow_many() -> None:
    """Let this process and its children hold as many connections as the system allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
