"""A hot request straight from the connection, without ASGI in between (ADR 0018)."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from gateway.exchanges import Admission, ClientGoneError, Exchange, Headers

# Up to here, copying a body behind its head is cheaper than giving the kernel two pieces.
JOINED_BYTES = 16 * 1024
_FAILED: Final = b"Internal Server Error"
_FAILED_HEAD: Final = b"content-type: text/plain; charset=utf-8\r\n"

Handle = Callable[[str, Exchange], Awaitable[None]]

log = logging.getLogger(__name__)


class HotApp(ABC):
    """An application that knows requests which need no ASGI."""

    @abstractmethod
    def route(self, method: str, path: str) -> tuple[Handle, str] | None:
        """Return who answers the request, and the id in its path; None leaves it to ASGI."""

    @abstractmethod
    async def run(self, handle: Handle, thing_id: str, exchange: Exchange) -> None:
        """Answer, failures included."""


class Line(Protocol):
    """What a cycle needs of its connection."""

    transport: asyncio.Transport
    flow: FlowControl
    loop: asyncio.AbstractEventLoop
    tasks: set[asyncio.Task[None]]

    def lead(self, status: int) -> bytes: ...
    def on_response_complete(self) -> None: ...


class Cycle(Exchange):
    """One request and its answer; the server uses it like a cycle of its own.

    `keep_alive`, `response_complete`, `disconnected`, `message_event` and `run_asgi` are named by
    uvicorn's protocol.
    """

    __slots__ = (
        "_app", "_arrived", "_came", "_handle", "_line", "_thing_id", "disconnected", "holder",
        "keep_alive", "response_complete", "task",
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        app: HotApp,
        route: tuple[Handle, str],
        path: str,
        query_string: bytes,
        headers: Headers,
        *,
        keep_alive: bool,
    ) -> None:
        super().__init__(path, query_string, headers)
        self._line = line
        self._app = app
        self._handle, self._thing_id = route
        self._came: bytes | bytearray = b""
        self._arrived: asyncio.Future[None] | None = None
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        self.holder = ""
        self.task: asyncio.Task[None] | None = None

    async def run_asgi(self, _app: object = None) -> None:
        """Answer the request; whatever is left of a failure is told as uvicorn does."""
        try:
            await self._app.run(self._handle, self._thing_id, self)
        except BaseException:
            # Also when it was cancelled: its client waits.
            log.exception("a hot request failed")
            if not self.response_complete:
                self.keep_alive = False
                await self.send(500, _FAILED_HEAD, _FAILED)
        finally:
            # A callback of the task would cost a turn of the loop for each request.
            if self.task is not None:
                self._line.tasks.discard(self.task)
                self.task = None

    @property
    def message_event(self) -> "Cycle":
        return self

    def set(self) -> None:
        """Wake who waits for the body: more came, it is complete, or the client has left."""
        arrived = self._arrived
        if arrived is not None and not arrived.done():
            arrived.set_result(None)

    def feed(self, body: bytes) -> None:
        """Keep a piece of the body until it is taken, and stop reading when too much is there."""
        if self.response_complete:
            return
        if not self._came:
            self._came = body
        elif isinstance(self._came, bytearray):
            self._came += body
        else:
            self._came = bytearray(self._came) + body
        if len(self._came) > HIGH_WATER_LIMIT:
            self._line.flow.pause_reading()
        self.set()

    def end(self) -> None:
        self.complete = True
        self.set()

    def take(self) -> bytes:
        if self.disconnected:
            raise ClientGoneError
        # Also with the whole body here: a client that leaves is noticed only by reading.
        self._line.flow.resume_reading()
        came, self._came = self._came, b""
        return bytes(came)

    async def more(self) -> bool:
        if not (self._came or self.complete or self.disconnected):
            self._line.flow.resume_reading()
            self._arrived = self._line.loop.create_future()
            await self._arrived
        if self.disconnected:
            raise ClientGoneError
        return self.complete

    async def send(
        self, status: int, head: bytes, body: bytes, admission: Admission | None = None
    ) -> None:
        if self.response_complete:
            raise RuntimeError("answered already")
        line = self._line
        if line.flow.write_paused and not self.disconnected:
            await line.flow.drain()
        transport = line.transport
        if self.disconnected or transport.is_closing():
            return
        if admission is not None:
            # After the last `await`: however long the client let this answer wait.
            admission()
        closing = b"" if self.keep_alive else b"connection: close\r\n"
        size = len(body)
        if size <= JOINED_BYTES:
            transport.write(
                b"%b%bcontent-length: %d\r\n%b\r\n%b"
                % (line.lead(status), head, size, closing, body)
            )
        else:
            whole = b"%b%bcontent-length: %d\r\n%b\r\n" % (line.lead(status), head, size, closing)
            transport.writelines((whole, body))
        self.response_complete = True
        if not self.keep_alive:
            transport.close()
        line.on_response_complete()

    def belongs_to(self, holder: str) -> None:
        self.holder = holder


class Leads:
    """Status lines with the headers that the server sets once a second."""

    def __init__(self) -> None:
        self._of: list[tuple[bytes, bytes]] = []
        self._known: dict[int, bytes] = {}

    def lead(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._of:
            self._of = headers
            self._known = {}
        known = self._known.get(status)
        if known is None:
            lines = [b"%b: %b\r\n" % header for header in headers]
            known = self._known[status] = STATUS_LINE[status] + b"".join(lines)
        return known
