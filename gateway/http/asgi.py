"""Everything that is not hot: the same connection's request, as an ASGI application sees it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from gateway.http.budgets import UNTAKEN, UNTAKEN_ANONYMOUS, Untaken
from gateway.http.cycle import CycleConnection, last_words
from gateway.http.head import Head
from gateway.http.incoming import Incoming
from gateway.http.outflow import (
    PIECE_BYTES,
    ClientGoneError,
    CutShortError,
    MayLeave,
    always,
)
from gateway.http.responses import BODILESS, CLOSING, LAST_CHUNK, chunk, lines
from gateway.http.stopping import STOPPING
from gateway.problems import Internal
from kernel.errors import ShuyuanError, Unavailable
from kernel.leaving import CHANGE, Change

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# In a request's scope: whose answer it is, once that is known.
HOLDER: Final = "exchange.holder"
# There, too: what is asked before each piece of an answer that a grant stands behind (P3).
MAY_LEAVE: Final = "exchange.may_leave"
# There, too: that a GET was a HEAD, of which no body is wanted.
HEAD_ONLY: Final = "exchange.head_only"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

log = logging.getLogger(__name__)


class AsgiCycle:
    """One request and its answer over ASGI 3."""

    __slots__ = (
        "_app",
        "_begun",
        "_change",
        "_chunked",
        "_connection",
        "_heading",
        "_scope",
        "_status",
        "_task",
        "_unread",
        "head",
        "incoming",
        "responded",
    )  # fmt: skip

    def __init__(
        self, connection: CycleConnection, app: App, scope: Scope, head: Head, incoming: Incoming
    ) -> None:
        self.head = head
        self.incoming = incoming
        self.responded = False
        self._connection = connection
        self._app = app
        self._scope = scope
        self._task: asyncio.Task[None] | None = None
        self._change = Change()
        self._status = 0
        self._heading = b""
        self._begun = False
        self._chunked = False
        self._unread = True

    async def run(self) -> None:
        """Answer the request; a failure of the application is told as a problem."""
        self._task = asyncio.current_task()
        CHANGE.set(self._change)
        error: ShuyuanError = Internal()
        try:
            if STOPPING.refusing:
                error = Unavailable("本节点正在停止", "This node is stopping")
            elif self.incoming.gone:
                error = Unavailable()
            else:
                await self._app(self._scope, self.receive, self.send)
        except (ClientGoneError, CutShortError):
            log.debug("an answer was not taken")
        except asyncio.CancelledError:
            error = Unavailable()
        except ShuyuanError as refusal:
            error = refusal
        except Exception:
            # The framework tells what failed, answers, and raises it all the same.
            log.log(logging.DEBUG if self.responded else logging.ERROR, "failed", exc_info=True)
        finally:
            self._task = None
            if not self.responded:
                status = 500 if isinstance(error, Internal) else None
                last_words(self._connection, self, error, status)
            self._connection.finished(self)

    def leave(self) -> None:
        """Nobody waits any more: a read ends at once, and a change that has not begun."""
        self.incoming.leave()
        unbegun = self.head.method in SAFE or not self._change.begun
        if self._task is not None and unbegun:
            self._task.cancel()

    async def receive(self) -> Message:
        incoming = self.incoming
        if self._unread:
            try:
                self._unread = not await incoming.more()
                return {
                    "type": "http.request",
                    "body": incoming.take(),
                    "more_body": self._unread,
                }
            except ClientGoneError:
                self._unread = False
        await incoming.left()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.incoming.gone:
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._heading = lines(_fields(message.get("headers", ())))
        elif message["type"] == "http.response.body" and not self.responded:
            more = message.get("more_body", False)
            await self._send_body(bytes(message.get("body", b"")), more=more)

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        bodiless = self.head.method == "HEAD" or self._status in BODILESS
        out = self._connection.out
        may_leave: MayLeave = self._scope.get(MAY_LEAVE, always)
        if not self._begun:
            pot, holder = self._pot()
            if out.paused or len(body) > PIECE_BYTES:
                try:
                    pot.require_room(holder)
                except ShuyuanError as error:
                    last_words(self._connection, self, error)
                    return
            head = self._whole_head(len(body), more=more)
            if self._chunked:
                body = chunk(body)
            self._begun = True
            try:
                await out.send(head, b"" if bodiless else body, may_leave, pot, holder)
            except ShuyuanError as error:
                last_words(self._connection, self, error)
                raise CutShortError from error
        elif not bodiless:
            await out.more(chunk(body) if self._chunked else body, may_leave)
        if not more:
            if self._chunked and not bodiless:
                await out.more(LAST_CHUNK)
            self.responded = True

    def _whole_head(self, size: int, *, more: bool) -> bytes:
        """Return the head of the answer; a body of unknown length goes in chunks."""
        heading = self._heading
        if b"content-length:" not in heading and self._status not in BODILESS:
            if not more:
                heading += b"content-length: %d\r\n" % size
            elif self.head.version == "1.1":
                self._chunked = True
                heading += b"transfer-encoding: chunked\r\n"
            else:
                self.head.keep_alive = False
        closing = b"" if self._connection.keeps_alive(self) else CLOSING
        return b"".join((self._connection.lead(self._status), heading, closing, b"\r\n"))

    def _pot(self) -> tuple[Untaken, str]:
        """Return where the answer is counted, and to whom, until it is taken."""
        holder = self._scope.get(HOLDER)
        if holder is None:
            return UNTAKEN_ANONYMOUS, str((self._scope["client"] or ("",))[0])
        return UNTAKEN, str(holder)


def _fields(headers: Any) -> list[tuple[bytes, bytes]]:  # noqa: ANN401 - any iterable of pairs
    return [(bytes(name).lower(), bytes(value)) for name, value in headers]
