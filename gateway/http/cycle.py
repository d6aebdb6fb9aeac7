"""A hot request straight from the connection, without ASGI in between (ADR 0018)."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from gateway.hot.request import HotRequest
from gateway.http.budgets import UNTAKEN
from gateway.http.head import Head
from gateway.http.incoming import Incoming
from gateway.http.outflow import (
    Body,
    ClientGoneError,
    CutShortError,
    MayLeave,
    Outflow,
    always,
    size_of,
)
from gateway.http.responses import BODILESS, CLOSING, LAST_CHUNK, chunk, refusal
from gateway.http.stopping import STOPPING
from gateway.problems import Internal, in_english
from kernel.errors import ShuyuanError, Unavailable
from kernel.logging import correlation_id

Handle = Callable[[str, HotRequest], Awaitable[None]]

NOTHING: Final = b""

log = logging.getLogger(__name__)


class HotApp(ABC):
    """An application that knows requests which need no ASGI."""

    @abstractmethod
    def route(self, method: str, path: str) -> tuple[Handle, str] | None:
        """Return who answers the request, and the id in its path; None leaves it to ASGI."""

    @abstractmethod
    async def run(self, handle: Handle, thing_id: str, exchange: HotRequest) -> None:
        """Answer, failures included."""


class CycleConnection(Protocol):
    """What a cycle needs of its connection."""

    out: Outflow
    transport: asyncio.Transport

    def lead(self, status: int) -> bytes: ...
    def keeps_alive(self, cycle: "RunningRequest") -> bool: ...
    def finished(self, cycle: "RunningRequest") -> None: ...


class RunningRequest(Protocol):
    """What a connection needs of a request that is being answered."""

    incoming: Incoming
    head: Head
    responded: bool

    def leave(self) -> None: ...


class Cycle(HotRequest):
    """One hot request and its answer."""

    __slots__ = ("_app", "_connection", "_handle", "_thing_id", "head", "holder", "responded")

    def __init__(
        self,
        connection: CycleConnection,
        app: HotApp,
        route: tuple[Handle, str],
        head: Head,
        incoming: Incoming,
    ) -> None:
        super().__init__(head.path, head.query, head.headers, incoming)
        self.head = head
        self.holder = ""
        self.responded = False
        self._connection = connection
        self._app = app
        self._handle, self._thing_id = route

    async def run(self) -> None:
        """Answer the request; whatever is left of a failure is told as well as it can be."""
        try:
            if STOPPING.refusing:
                correlation_id.set(self.correlation)
                await self.refuse(Unavailable("本节点正在停止", "This node is stopping"))
            else:
                await self._app.run(self._handle, self._thing_id, self)
        except (ClientGoneError, CutShortError):
            log.debug("an answer was not taken")
        except asyncio.CancelledError:
            # The server's patience is over, and a client waits.
            last_words(
                self._connection, self, Unavailable("本节点正在停止", "This node is stopping")
            )
        except Exception:
            log.exception("a hot request failed")
            last_words(self._connection, self, Internal(), 500)
        finally:
            self._connection.finished(self)

    def leave(self) -> None:
        self.incoming.leave()

    async def send(
        self, status: int, head: bytes, body: Body, may_leave: MayLeave = always
    ) -> None:
        if self.responded:
            raise RuntimeError("answered already")
        connection = self._connection
        closing = NOTHING if connection.keeps_alive(self) else CLOSING
        whole = b"%b%bcontent-length: %d\r\n%b\r\n" % (
            connection.lead(status),
            head,
            size_of(body),
            closing,
        )
        if self.head.method == "HEAD":
            body = NOTHING
        await connection.out.send(whole, body, may_leave, UNTAKEN, self.holder)
        self.responded = True

    async def stream(
        self, status: int, head: bytes, pieces: AsyncIterator[bytes], may_leave: MayLeave
    ) -> None:
        if self.responded:
            raise RuntimeError("answered already")
        if status in BODILESS:
            await self._without_body(status, head, may_leave)
        else:
            await self._pieces(status, head, pieces, may_leave)
        self.responded = True

    async def _pieces(
        self, status: int, head: bytes, pieces: AsyncIterator[bytes], may_leave: MayLeave
    ) -> None:
        connection, out = self._connection, self._connection.out
        chunked = self.head.version == "1.1"
        if chunked:
            head += b"transfer-encoding: chunked\r\n"
        else:
            self.head.keep_alive = False
        closing = NOTHING if connection.keeps_alive(self) else CLOSING
        whole = b"%b%b%b\r\n" % (connection.lead(status), head, closing)
        begun = False
        try:
            async for piece in pieces:
                data = chunk(piece) if chunked else piece
                if begun:
                    await out.more(data, may_leave)
                else:
                    await out.send(whole, data, may_leave, UNTAKEN, self.holder)
                    begun = True
            if not begun:
                await out.send(whole, NOTHING, may_leave, UNTAKEN, self.holder)
                begun = True
            if chunked:
                await out.more(LAST_CHUNK, may_leave)
        except (ClientGoneError, CutShortError):
            raise
        except Exception as error:
            if not begun:
                raise
            out.abort()
            raise CutShortError from error

    async def _without_body(self, status: int, head: bytes, may_leave: MayLeave) -> None:
        """Send a head alone: the end of a body would be read as the next answer's beginning."""
        connection = self._connection
        closing = NOTHING if connection.keeps_alive(self) else CLOSING
        whole = b"%b%b%b\r\n" % (connection.lead(status), head, closing)
        await connection.out.send(whole, NOTHING, may_leave, UNTAKEN, self.holder)

    @property
    def handed_on(self) -> int:
        return self._connection.out.handed_on

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def raw_path(self) -> bytes:
        return self.head.raw_path

    @property
    def source(self) -> str | None:
        peer = self._connection.transport.get_extra_info("peername")
        return str(peer[0]) if isinstance(peer, tuple) else None

    def belongs_to(self, holder: str) -> None:
        self.holder = holder


def last_words(
    connection: CycleConnection,
    cycle: RunningRequest,
    error: ShuyuanError,
    status: int | None = None,
) -> None:
    """Tell a failure that nobody else told, if nothing of an answer has left, and end."""
    out = connection.out
    if cycle.responded or out.lost or connection.transport.is_closing():
        return
    if out.begun or out.paused:
        out.abort()
        return
    english = in_english(cycle.head.headers.get(b"accept-language", b"").decode("latin-1"))
    status, head, body = refusal(error, path=cycle.head.path, english=english, status=status)
    length = b"content-length: %d\r\n" % len(body)
    connection.transport.write(
        b"".join((connection.lead(status), head, length, CLOSING, b"\r\n", body))
    )
    cycle.head.keep_alive = False
    cycle.responded = True
