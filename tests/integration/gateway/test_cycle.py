"""Hot requests without ASGI on real sockets: what uvicorn promises of a connection holds (P9)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from gateway.connections import UNTAKEN, Connection
from gateway.cycle import Handle, HotApp
from gateway.edge import Receive, Scope, Send
from gateway.exchanges import AsgiExchange, ClientGoneError, Exchange
from tests.support.eventually import eventually
from tests.support.processes import free_port
from tests.support.raw_http import answer

MEBI = 1024 * 1024
BIG = b"x" * 16 * MEBI
KEEP_ALIVE_SECONDS = 1
MEDIA = b"content-type: text/plain\r\n"
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Doors(HotApp):
    """`/hot/…` is hot; `/%68ot/…` is the same through ASGI; anything else is cold."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.carried_by: list[str] = []
        self.left = 0

    def route(self, method: str, path: str) -> tuple[Handle, str] | None:
        return (self._answer, path[5:]) if path.startswith("/hot/") and method != "HEAD" else None

    async def run(self, handle: Handle, thing_id: str, exchange: Exchange) -> None:
        self.carried_by.append(type(exchange).__name__)
        await handle(thing_id, exchange)

    async def _answer(self, what: str, exchange: Exchange) -> None:
        exchange.belongs_to("greedy")
        if what == "fails":
            raise KeyError(what)
        if what in {"waits", "waits-big"}:
            await self.open.wait()
        body = what.encode()
        if what == "echo":
            body = await self._body(exchange)
        await exchange.answer(200, MEDIA, BIG if what.endswith("big") else body)
        if what == "twice":
            await exchange.answer(200, MEDIA, body)

    async def _body(self, exchange: Exchange) -> bytes:
        parts: list[bytes] = []
        try:
            whole = exchange.complete
            parts.append(exchange.take())
            while not whole:
                whole = await exchange.more()
                parts.append(exchange.take())
        except ClientGoneError:
            self.left += 1
        return b"".join(parts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (route := self.route(scope["method"], scope["path"])) is not None:
            await self.run(*route, AsgiExchange(scope, receive, send))
            return
        body = scope["path"].encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Served:
    """A server of the doors, and connections to it."""

    def __init__(self, **options: int | str | bool) -> None:
        self.doors = Doors()
        self.port = free_port()
        usual = {"access_log": False, "proxy_headers": False, "log_level": "info"}
        config = uvicorn.Config(
            self.doors,
            port=self.port,
            http="gateway.connections:Connection",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
            **{**usual, **options},  # type: ignore[arg-type]
        )
        self.server = uvicorn.Server(config)

    @property
    def connections(self) -> list[Connection]:
        return [each for each in self.server.server_state.connections if type(each) is Connection]

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                yield reader, writer
            finally:
                writer.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Served"]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.server, "capture_signals", contextlib.nullcontext)
            serving = asyncio.create_task(self.server.serve())
            await eventually(lambda: self.server.started)
            yield self
            self.server.should_exit = self.server.force_exit = True
            await serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served().running() as served:
        yield served


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_hot_and_cold_are_answered_in_the_order_of_asking(served: Served) -> None:
    paths = ["/hot/waits", "/cold/1", "/hot/2", "/%68ot/3", "/cold/4", "/hot/5"]
    async with served.opened() as (reader, writer):
        writer.write(b"".join(get(path) for path in paths))
        await asyncio.sleep(0.05)
        served.doors.open.set()
        said = [(await answer(reader)).text for _path in paths]
        assert said == ["waits", "/cold/1", "2", "3", "/cold/4", "5"]
    assert served.doors.carried_by == ["Cycle", "Cycle", "AsgiExchange", "Cycle"]
    assert served.server.server_state.total_requests == len(paths)
    assert not served.server.server_state.tasks


async def test_bodies_of_pipelined_requests_stay_apart(served: Served) -> None:
    bodies = [b"%d" % number * number for number in range(1, 40)]
    async with served.opened() as (reader, writer):
        writer.write(b"".join(post("/hot/echo", body) for body in bodies))
        assert [(await answer(reader)).content for _body in bodies] == bodies


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_request_may_come_in_pieces_cut_anywhere(served: Served, size: int) -> None:
    body = bytes(range(256)) * (1 if size == 1 else 20)
    request = post("/hot/echo", body, "X-Long: " + "y" * 50)
    async with served.opened() as (reader, writer):
        for start in range(0, len(request), size):
            writer.write(request[start : start + size])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader)).content == body
    assert served.doors.carried_by == ["Cycle"]


async def test_a_large_body_comes_back_whole(served: Served) -> None:
    body = bytes(range(256)) * 4096 * 4
    async with served.opened() as (reader, writer):
        for _time in range(2):
            writer.write(post("/hot/echo", body))
            assert (await answer(reader)).content == body


async def test_reading_stops_while_nobody_takes_the_body(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(post("/hot/waits", BIG))
        await eventually(lambda: any(each.flow.read_paused for each in served.connections))
        await asyncio.sleep(0.2)
        cycle = served.connections[0].cycle
        assert HIGH_WATER_LIMIT < len(cycle._came) < MEBI  # type: ignore[union-attr]
        # What nobody took is read on once the answer is there, so that the next request is heard.
        served.doors.open.set()
        assert (await answer(reader)).text == "waits"
        writer.write(get("/hot/next"))
        assert (await answer(reader)).text == "next"


async def test_an_answer_is_marked_and_dated(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a", "Exchange-Correlation-Id: mine") + get("/%68ot/a"))
        light, asgi = await answer(reader), await answer(reader)
    assert light.headers["exchange-correlation-id"] == "mine"
    assert light.headers.keys() == asgi.headers.keys()
    assert {"date", "content-type", "content-length", "exchange-worker"} <= light.headers.keys()
    assert "connection" not in light.headers


@pytest.mark.parametrize(
    "given", [b"a\rb: c", b"a\r\n b: c", b"a\x00b", b"a%0d%0ab:%20c", b"\xe5\x93\x88", b"a, b: c"]
)
async def test_nothing_of_a_caller_gets_raw_into_a_header(served: Served, given: bytes) -> None:
    async with served.opened() as (reader, writer):
        writer.write(
            b"GET /hot/a HTTP/1.1\r\nHost: x\r\nExchange-Correlation-Id: %b\r\n\r\n" % given
        )
        said = await answer(reader)
    assert "b" not in said.headers
    assert said.status_code == 400 or said.headers["exchange-correlation-id"].isalnum()
    assert said.status_code == 400 or len(said.headers["exchange-correlation-id"]) == 32


@pytest.mark.parametrize("path", ["/hot/a", "/%68ot/a", "/hot/fails", "/hot/big"])
async def test_whoever_asks_to_close_is_told_and_closed(served: Served, path: str) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get(path, "Connection: close") + get("/hot/never"))
        said = await answer(reader)
        assert said.headers["connection"] == "close"
        assert await reader.read() == b""
        if path.endswith("big"):
            assert said.content == BIG


async def test_http_1_0_is_closed(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(b"GET /hot/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        said = await answer(reader)
        assert (said.text, said.headers["connection"]) == ("a", "close")
        assert await reader.read() == b""


async def test_a_head_has_no_body_and_the_next_answer_follows(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a").replace(b"GET", b"HEAD", 1) + get("/hot/b"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert (await answer(reader)).text == "b"


@pytest.mark.parametrize("asking", ["Expect: 100-continue", "expect: 100-Continue"])
async def test_whoever_asks_whether_to_go_on_is_told(served: Served, asking: str) -> None:
    request = post("/hot/echo", b"body", asking)
    async with served.opened() as (reader, writer):
        writer.write(request[:-4])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await answer(reader)).text == "body"


async def test_a_body_in_chunks_between_bodies_with_a_length(served: Served) -> None:
    chunked = b"POST /hot/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with served.opened() as (reader, writer):
        writer.write(post("/hot/echo", b"1") + chunked + post("/hot/echo", b"2"))
        assert [(await answer(reader)).text for _time in range(3)] == ["1", "abcde", "2"]


async def test_garbage_after_a_request_is_a_400_and_the_end(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        assert (await answer(reader)).text == "a"
        writer.write(b"garbage\r\n\r\n")
        assert (await answer(reader)).status_code == 400
        assert await reader.read() == b""
    assert not served.server.server_state.tasks


async def test_a_failure_beyond_the_handler_is_a_500_and_the_end(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/fails"))
        said = await answer(reader)
        assert (said.status_code, said.text) == (500, "Internal Server Error")
        assert said.headers["connection"] == "close"
        assert await reader.read() == b""
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        assert (await answer(reader)).text == "a"


async def test_whoever_leaves_amid_a_body_is_noticed(served: Served) -> None:
    async with served.opened() as (_reader, writer):
        writer.write(post("/hot/echo", b"x" * 1000)[:-1])
        await eventually(lambda: bool(served.doors.carried_by))
    await eventually(lambda: served.doors.left == 1)
    await eventually(lambda: not served.connections and not served.server.server_state.tasks)


async def test_whoever_leaves_before_the_answer_is_given_none(served: Served) -> None:
    async with served.opened() as (_reader, writer):
        writer.write(get("/hot/waits-big"))
        await eventually(lambda: bool(served.doors.carried_by))
    await eventually(lambda: not served.connections)
    served.doors.open.set()
    await eventually(lambda: not served.server.server_state.tasks)
    assert not UNTAKEN.held_bytes


async def test_untaken_answers_are_counted_to_their_holder(served: Served) -> None:
    """Also with another request behind: its holder is not known yet."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.setblocking(False)
        await loop.sock_connect(client, ("127.0.0.1", served.port))
        await loop.sock_sendall(client, get("/hot/big") + get("/cold") + get("/hot/big"))
        await eventually(lambda: UNTAKEN.held_bytes >= MEBI)
        assert UNTAKEN._held_by.keys() == {"greedy"}
        # The next answers wait for this one to be taken.
        await asyncio.sleep(0.1)
        assert UNTAKEN.held_bytes <= len(BIG) + MEBI
        assert served.doors.carried_by == ["Cycle"]
    await eventually(lambda: not UNTAKEN.held_bytes)
    await eventually(lambda: not served.server.server_state.tasks)


async def test_whoever_reads_slowly_gets_everything(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/big") + get("/hot/a"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: %d\r\n" % len(BIG) in head
        got = 0
        while got < len(BIG):
            got += len(await reader.read(min(256 * 1024, len(BIG) - got)))
            await asyncio.sleep(0.01)
        assert (await answer(reader)).text == "a"
    await eventually(lambda: not UNTAKEN.held_bytes)


@pytest.mark.parametrize("path", ["/hot/a", "/cold"])
async def test_an_idle_connection_is_closed(served: Served, path: str) -> None:
    loop = asyncio.get_running_loop()
    async with served.opened() as (reader, writer):
        for pause in (0, 0.7):
            await asyncio.sleep(pause)
            writer.write(get(path))
            await answer(reader)
        idle_since = loop.time()
        assert await reader.read() == b""
        # Counted from the last answer, not from the first.
        assert KEEP_ALIVE_SECONDS - 0.1 < loop.time() - idle_since < KEEP_ALIVE_SECONDS + 1


async def test_a_busy_connection_is_not_idle(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        await answer(reader)
        writer.write(get("/hot/waits"))
        await asyncio.sleep(KEEP_ALIVE_SECONDS + 0.4)
        served.doors.open.set()
        assert (await answer(reader)).text == "waits"


async def test_a_lost_connection_leaves_no_timer(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        await answer(reader)
        [connection] = served.connections
        timer = connection.timeout_keep_alive_task
        assert timer is not None
    await eventually(timer.cancelled)


async def test_a_stopping_server_answers_what_is_under_way_and_closes(served: Served) -> None:
    async with served.opened() as (reader, writer), served.opened() as (idle, other):
        other.write(get("/hot/a"))
        await answer(idle)
        writer.write(get("/hot/waits"))
        await eventually(lambda: len(served.doors.carried_by) == 2)
        served.server.should_exit = True
        assert await idle.read() == b""
        await asyncio.sleep(0.2)
        served.doors.open.set()
        said = await answer(reader)
        assert (said.text, said.headers["connection"]) == ("waits", "close")
        assert await reader.read() == b""


async def test_a_request_that_outlasts_the_grace_is_told_so(served: Served) -> None:
    served.server.config.timeout_graceful_shutdown = 1
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/waits"))
        await eventually(lambda: bool(served.doors.carried_by))
        served.server.should_exit = True
        assert (await answer(reader)).status_code == 500
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "options", [{"access_log": True}, {"root_path": "/below"}, {"limit_concurrency": 50}]
)
async def test_what_only_uvicorn_can_do_is_left_to_it(options: dict[str, int | str]) -> None:
    async with Served(**options).running() as served, served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        assert (await answer(reader)).status_code == 200
        assert "Cycle" not in served.doors.carried_by


async def test_an_answer_is_given_once(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/twice") + get("/hot/a"))
        assert (await answer(reader)).text == "twice"
        assert (await answer(reader)).text == "a"


async def test_whoever_leaves_with_requests_behind_ends_them_all(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/big") + get("/hot/big") + get("/cold"))
        await reader.readexactly(100)
        await eventually(lambda: bool(UNTAKEN.held_bytes))
        writer.transport.abort()
    await eventually(lambda: not served.connections and not served.server.server_state.tasks)
    assert not UNTAKEN.held_bytes
