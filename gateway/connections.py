"""Answers that their clients do not take: bounded for a worker and for each client (P9).

An answer that the kernel has no room for waits in the worker's memory. While a client leaves too
much of it there, it gets no further page; a connection that takes nothing at all is ended.
"""

import asyncio
import resource
import socket
from collections import deque
from typing import Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.cycle import Cycle, HotApp, Leads
from gateway.exchanges import HOLDER
from kernel.errors import TooMany, Unavailable

# A client that takes nothing for so long has left, or is as good as gone; asking again costs it
# nothing but the request (P6).
UNTAKEN_SECONDS = 60
# One client may leave this part of what a worker holds.
SHARES = 4
MEBI = 1024 * 1024


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
LEADS: Final = Leads()


class Connection(HttpToolsProtocol):
    """A connection that knows how much of its answer is not taken, and hot requests (ADR 0018).

    What is hot and plain goes past ASGI; everything else, however it is written, goes on through
    uvicorn. Answers leave in the order of the requests, of whichever kind they are.
    """

    cycle: RequestResponseCycle | Cycle | None  # type: ignore[assignment]
    pipeline: deque[tuple[RequestResponseCycle | Cycle, ASGI3Application]]  # type: ignore[assignment]
    _held: tuple[str, int] | None = None
    _app: HotApp | None = None
    # The hot request whose body is being read, and the request that is being answered.
    _fed: Cycle | None = None
    _running: RequestResponseCycle | Cycle | None = None
    _idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        config = self.config
        logged = config.access_log and self.access_log
        if not (logged or config.root_path or config.limit_concurrency) and isinstance(
            self.app, HotApp
        ):
            self._app = self.app
        end = transport.get_extra_info("socket")
        if end is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            # The kernel ends it, whether the answer waits with us or with the kernel.
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_SECONDS * 1000)

    def on_message_begin(self) -> None:
        # What uvicorn makes here is made when it is known to be needed.
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        cycle = self._fed = self._hot()
        if cycle is None:
            self._hand_on()
            return
        before, self.cycle = self.cycle, cycle
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _hot(self) -> Cycle | None:
        """Return the cycle of a request that is hot and plain."""
        app, parser = self._app, self.parser
        if app is None or parser.should_upgrade() or parser.get_http_version() != "1.1":
            return None
        raw_path, _mark, query = self.url.partition(b"?")
        path = raw_path.decode("latin-1")
        route = app.route(parser.get_method().decode(), path)
        if route is None or b"#" in query:
            return None
        headers = {name.lower(): value for name, value in self.headers}
        if b"expect" in headers or b"transfer-encoding" in headers:
            return None
        keep_alive = parser.should_keep_alive()
        return Cycle(self, app, route, path, query, headers, keep_alive=keep_alive)

    def _hand_on(self) -> None:
        """Let uvicorn have the request from its beginning."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        super().on_url(url)
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._fed is None:
            super().on_body(body)
        else:
            self._fed.feed(body)

    def on_message_complete(self) -> None:
        if self._fed is None:
            super().on_message_complete()
        else:
            self._fed.end()
            self._fed = None

    def _start_asgi_task(self, cycle: RequestResponseCycle | Cycle, app: ASGI3Application) -> None:
        self._running = cycle
        if not isinstance(cycle, Cycle):
            super()._start_asgi_task(cycle, app)
            return
        cycle.task = self.loop.create_task(cycle.run_asgi())
        self.tasks.add(cycle.task)

    def lead(self, status: int) -> bytes:
        return LEADS.lead(status, self.server_state.default_headers)

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one; as uvicorn's, with a timer that stays."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing came since its last answer, for so long."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._look_again_in(left)
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._held is None:
            self._held = (_holder(self._running), self.transport.get_write_buffer_size())
            UNTAKEN.hold(*self._held)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._release()

    def connection_lost(self, exc: Exception | None) -> None:
        running = self._running
        if running is not None and not running.response_complete:
            # Uvicorn tells only the request that came last.
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            UNTAKEN.release(*self._held)
            self._held = None


def _holder(cycle: RequestResponseCycle | Cycle | None) -> str:
    """Return whose answer a cycle sends, "" where nobody said."""
    if isinstance(cycle, Cycle):
        return cycle.holder
    return "" if cycle is None else str(dict(cycle.scope).get(HOLDER, ""))


def allow_many() -> None:
    """Let this process and its children hold as many connections as the system allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
