"""One connection: one request at a time, bounded from its first byte to its answer (ADR 0020).

uvicorn accepts connections and starts and stops the process; between socket and application stands
this protocol alone. Publishes and pulls go straight to their handler, all else over ASGI.
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.http import outflow
from gateway.http.asgi import App, AsgiCycle
from gateway.http.chunked import Chunked
from gateway.http.cycle import Cycle, HotApp, RunningRequest
from gateway.http.errors import HeadTooLarge, MalformedRequest, RequestTimeout
from gateway.http.head import END, HEAD_MAX, Head, HeadReader, check_beginning
from gateway.http.incoming import Incoming
from gateway.http.outflow import Outflow
from gateway.http.responses import CLOSING, GO_ON, Leads, refusal
from gateway.http.stopping import STOPPING
from kernel.errors import ShuyuanError

# From the first byte of a head, or from the last answer for one that had begun before it.
HEAD_SECONDS = 15.0
# Of the next request, while one is answered.
PIPELINED_MAX = 64 * 1024
# What a refused request still sends is read and dropped, so that its client reads the answer.
DROPPED_MAX, DROP_SECONDS = 16 * 1024 * 1024, 15.0
# After a last answer, so that bytes on their way do not reset the connection before it is read.
LINGER_SECONDS = 2.0
_LEADS: Final = Leads()


class Connection(asyncio.Protocol):
    """Made by uvicorn for each connection; `shutdown` is called when the server stops."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self.app: App = config.loaded_app
        self.hot = self.app if isinstance(self.app, HotApp) else None
        self.loop = _loop or asyncio.get_event_loop()
        self.server_state = server_state
        self._app_state = app_state
        self._keep_alive_seconds = config.timeout_keep_alive
        self.transport: asyncio.Transport
        self.out: Outflow
        self._heads = HeadReader()
        # What came and belongs to no request that is known yet.
        self._unread: bytearray | bytes = b""
        # The request that is being answered, and what its body still waits for.
        self._current: RunningRequest | None = None
        self._task: asyncio.Task[None] | None = None
        self._incoming: Incoming | None = None
        self._left: int | Chunked = 0
        self._served = False
        self._reading = True
        self._to_drop: int | None = None
        self._closing = False
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What uvloop makes is no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.out = Outflow(self.loop, self.transport)
        self.server_state.connections.add(self)  # type: ignore[arg-type]
        outflow.prepare(self.transport)
        self._end_at(HEAD_SECONDS)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self.out.lose()
        self._heads.forget()
        self._unread = b""
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
        if self._current is not None:
            self._current.leave()

    def pause_writing(self) -> None:
        self.out.paused = True

    def resume_writing(self) -> None:
        self.out.resume()

    def data_received(self, data: bytes) -> None:
        if self._to_drop is not None:
            self._drop(data)
        elif self._incoming is not None:
            self._take_in(data)
        elif self._current is not None:
            self._unread += data
            if len(self._unread) > PIPELINED_MAX:
                self.pause_reading()
        elif not self._closing:
            self._read_head(data)

    # A request.

    def _read_head(self, data: bytes) -> None:
        """Begin a request if its head is whole; keep what came of it otherwise."""
        before = len(self._unread)
        whole = data if not before else self._joined(data)
        end = whole.find(END, max(0, before - len(END)))
        try:
            if end < 0 or whole[:1] in b"\r\n":
                self._keep(whole)
            elif end + len(END) > HEAD_MAX:
                raise HeadTooLarge
            else:
                end += len(END)
                self._unread = b""
                self._begin(self._heads.read(bytes(whole[:end])), bytes(whole[end:]))
        except ShuyuanError as error:
            self._refuse(error)

    def _joined(self, data: bytes) -> bytearray:
        unread = self._unread
        joined = unread if isinstance(unread, bytearray) else bytearray(unread)
        joined += data
        return joined

    def _keep(self, whole: bytes | bytearray) -> None:
        """Keep a beginning; empty lines before it are passed over (RFC 9112 section 2.2)."""
        if whole[:1] in (b"\r", b"\n"):
            rest = whole.lstrip(b"\r\n")
            self._unread = b""
            if rest:
                self._read_head(bytes(rest))
                return
            whole = b""
        elif len(whole) >= HEAD_MAX:
            raise HeadTooLarge
        elif not self._unread:
            # Only once: byte after byte, each look at all that came would be work without end.
            check_beginning(whole)
            self._end_at(HEAD_SECONDS)
        self._unread = whole if isinstance(whole, bytearray) else bytearray(whole)

    def _begin(self, head: Head, rest: bytes) -> None:
        incoming = Incoming(self, expects=head.expects)
        hot = self.hot
        cycle: Cycle | AsgiCycle
        method = "GET" if head.method == "HEAD" else head.method
        route = None if hot is None else hot.route(method, head.path)
        if hot is None or route is None:
            cycle = AsgiCycle(self, self.app, self._scope(head), head, incoming)
        else:
            cycle = Cycle(self, hot, route, head, incoming)
        self._current = cycle
        self.out.begun = False
        self._deadline = None
        self._served = True
        if head.length == 0:
            incoming.complete = True
            self._unread = rest
        else:
            self._incoming = incoming
            self._left = Chunked() if head.length is None else head.length
            if rest:
                self._take_in(rest)
        self._task = task = self.loop.create_task(cycle.run())
        self.server_state.tasks.add(task)

    def _take_in(self, data: bytes) -> None:
        """Give the body what is its own, and keep what follows it."""
        incoming = self._incoming
        assert incoming is not None  # noqa: S101 - the caller looked
        remaining = self._left
        if isinstance(remaining, int):
            body = data[:remaining]
            rest = data[remaining:]
            self._left = remaining = remaining - len(body)
            done = not remaining
        else:
            try:
                body, rest = remaining.feed(data)
            except MalformedRequest as error:
                self._break_off(error)
                return
            done = remaining.done
        if body:
            incoming.feed(body)
        if done:
            incoming.end()
            self._incoming = None
            self._unread = rest

    def _break_off(self, error: MalformedRequest) -> None:
        """Let the handler refuse a body that is none; nothing more is read of it."""
        incoming = self._incoming
        assert incoming is not None  # noqa: S101 - the caller looked
        assert self._current is not None  # noqa: S101
        self._current.head.keep_alive = False
        self._incoming = None
        incoming.fail(error)
        self._to_drop = DROPPED_MAX

    def _scope(self, head: Head) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "server": _address(self.transport.get_extra_info("sockname")),
            "client": _address(self.transport.get_extra_info("peername")),
            "scheme": "http",
            "method": head.method,
            "root_path": "",
            "path": head.path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "headers": head.fields,
            "state": self._app_state.copy(),
        }

    # What a cycle asks for.

    def lead(self, status: int) -> bytes:
        return _LEADS.lead(status, self.server_state.default_headers)

    def tell_to_go_on(self) -> None:
        self.transport.write(GO_ON)

    def keeps_alive(self, cycle: RunningRequest) -> bool:
        """Whether another request may follow the answer that is about to leave."""
        head = cycle.head
        if STOPPING.begun or not self._can_pass_over(cycle.incoming):
            head.keep_alive = False
        return head.keep_alive

    def _can_pass_over(self, incoming: Incoming) -> bool:
        """Whether what is still to come of the body can be read and dropped."""
        if self._incoming is None:
            return True
        # Whoever waits to be told to go on may send the body or not: nobody knows what comes next.
        remaining = self._left
        return not incoming.expects and (not isinstance(remaining, int) or remaining <= DROPPED_MAX)

    def finished(self, cycle: RunningRequest) -> None:
        """Go on with the next request, or wait for one, or end."""
        self._current = None
        if self._task is not None:
            # A callback of the task would cost a turn of the loop for each request.
            self.server_state.tasks.discard(self._task)
            self._task = None
        self.server_state.total_requests += 1
        cycle.incoming.drop()
        if self.out.lost or self.transport.is_closing():
            return
        if not cycle.responded:
            self.out.abort()
        elif not cycle.head.keep_alive:
            self._close()
        elif self._incoming is not None:
            self._to_drop = DROPPED_MAX
            self._end_at(DROP_SECONDS)
            self.resume_reading()
        else:
            self._next()

    def _next(self) -> None:
        self.resume_reading()
        unread, self._unread = self._unread, b""
        self._end_at(self._keep_alive_seconds)
        if unread:
            self._read_head(bytes(unread))

    def pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    # The end.

    def _drop(self, data: bytes) -> None:
        """Pass over the rest of a body that was refused, or what comes after a last answer."""
        assert self._to_drop is not None  # noqa: S101 - the caller looked
        self._to_drop -= len(data)
        if self._to_drop < 0:
            self.out.abort()
            return
        remaining = self._left
        if self._closing or self._incoming is None:
            return
        if isinstance(remaining, int):
            rest = data[remaining:]
            self._left = max(0, remaining - len(data))
            done = self._left == 0
        else:
            try:
                _body, rest = remaining.feed(data)
            except MalformedRequest:
                self._close()
                return
            done = remaining.done
        if done:
            self._to_drop = self._incoming = None
            self._unread = rest
            self._next()

    def _refuse(self, error: ShuyuanError) -> None:
        """Answer what is no request, and end: where the next one begins is not known."""
        if not (self.out.paused or self.transport.is_closing()):
            status, head, body = refusal(error)
            length = b"content-length: %d\r\n" % len(body)
            whole = (self.lead(status), head, length, CLOSING, b"\r\n", body)
            self.transport.write(b"".join(whole))
        self._close()

    def _close(self) -> None:
        """End the connection once its client has read what was sent, or has had the time to."""
        self._closing = True
        self._unread = b""
        if self.transport.is_closing():
            return
        if self._to_drop is None:
            self._to_drop = DROPPED_MAX
        self.resume_reading()
        self._end_at(LINGER_SECONDS)
        self.transport.write_eof()

    def shutdown(self) -> None:
        """End when nothing is being answered, else after the answer: called by the server."""
        if self._current is None:
            self.transport.close()
        else:
            self._current.head.keep_alive = False

    def _end_at(self, seconds: float) -> None:
        """Set when the connection ends unless something comes; the timer stays where it can."""
        self._deadline = at = self.loop.time() + seconds
        timer = self._timer
        if timer is not None:
            if timer.when() <= at:
                return
            timer.cancel()
        self._timer = self.loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._look)
        else:
            self._time_is_up()

    def _time_is_up(self) -> None:
        self._deadline = None
        if self._unread and not self._closing:
            self._refuse(RequestTimeout())
        elif self._closing or self._to_drop is not None:
            # Not a reset: what the kernel holds of the last answer may still be read.
            self.transport.abort()
        else:
            self.transport.close()


def _address(name: object) -> tuple[str, int] | None:
    """Return host and port of an Internet address, None of any other."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) > 1 else None
