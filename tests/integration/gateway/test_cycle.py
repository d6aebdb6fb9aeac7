"""Requests and answers on real sockets: what the connection promises of both (P9, P11)."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.http.budgets import UNTAKEN
from gateway.http.incoming import UNREAD_BYTES
from tests.support.eventually import eventually
from tests.support.raw_http import answer, chunk
from tests.support.serving import BIG, KEEP_ALIVE_SECONDS, MEBI, Served, get, post


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served().running() as served:
        yield served


async def test_hot_and_cold_are_answered_in_the_order_of_asking(served: Served) -> None:
    paths = ["/hot/waits", "/cold/1", "/hot/2", "/%68ot/3", "/cold/4", "/hot/5"]
    async with served.opened() as (reader, writer):
        writer.write(b"".join(get(path) for path in paths))
        await asyncio.sleep(0.05)
        served.doors.open.set()
        said = [(await answer(reader)).text for _path in paths]
        assert said == ["waits", "/cold/1", "2", "3", "/cold/4", "5"]
    assert served.doors.carried_by == ["Cycle"] * 4
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
        await eventually(lambda: any(not each._reading for each in served.connections))
        [connection] = served.connections
        current = connection._current
        assert current is not None
        assert UNREAD_BYTES < current.incoming._size < MEBI
        # What nobody took is read on once the answer is there, so that the next request is heard.
        served.doors.open.set()
        assert (await answer(reader)).text == "waits"
        writer.write(get("/hot/next"))
        assert (await answer(reader)).text == "next"
        # A refused body once stayed in memory, 125 KB for each connection.
        assert current.incoming._size == 0


async def test_an_answer_is_marked_and_dated(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a", "Exchange-Correlation-Id: mine") + get("/%68ot/a"))
        light, asgi = await answer(reader), await answer(reader)
    assert light.headers["exchange-correlation-id"] == "mine"
    assert light.headers.keys() == asgi.headers.keys()
    assert {"date", "content-type", "content-length", "exchange-worker"} <= light.headers.keys()
    assert light.headers["x-content-type-options"] == "nosniff"
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
        for path in ("/hot/echo", "/echo"):
            writer.write(post(path, b"1") + chunked.replace(b"/hot/echo", path.encode()))
            writer.write(post(path, b"2"))
            assert [(await answer(reader)).text for _time in range(3)] == ["1", "abcde", "2"]


async def test_garbage_after_a_request_is_a_400_and_the_end(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        assert (await answer(reader)).text == "a"
        writer.write(b"garbage\r\n\r\n")
        said = await answer(reader)
        assert (said.status_code, said.json()["code"]) == (400, "malformed_request")
        assert await reader.read() == b""
    assert not served.server.server_state.tasks


@pytest.mark.parametrize("path", ["/hot/fails", "/fails"])
async def test_a_failure_beyond_the_handler_is_a_500_and_the_end(served: Served, path: str) -> None:
    """It once was text/plain, without a correlation id to ask about."""
    async with served.opened() as (reader, writer):
        writer.write(get(path))
        said = await answer(reader)
        assert (said.status_code, said.json()["code"]) == (500, "internal_error")
        assert said.headers["connection"] == "close"
        assert await reader.read() == b""
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a"))
        assert (await answer(reader)).text == "a"


async def test_an_answer_of_unknown_length_goes_in_chunks(served: Served) -> None:
    async with httpx.AsyncClient() as http:
        said = await http.get(f"http://127.0.0.1:{served.port}/streams")
    assert (said.headers["transfer-encoding"], said.text) == ("chunked", "01234.")


async def test_an_answer_of_unknown_length_to_http_1_0_ends_with_the_connection(
    served: Served,
) -> None:
    async with served.opened() as (reader, writer):
        writer.write(b"GET /streams HTTP/1.0\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert body == b"01234."


@pytest.mark.parametrize("path", ["/hot/echo", "/echo"])
async def test_trailers_are_dropped(served: Served, path: str) -> None:
    """A trailer `authorization` once published under another's token (F5)."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    trailers = b"0\r\nAuthorization: Bearer other\r\nX: y\r\n\r\n"
    async with served.opened() as (reader, writer):
        writer.write(head + chunk(b"abc") + trailers + get("/hot/next"))
        assert (await answer(reader)).text == "abc"
        assert (await answer(reader)).text == "next"
    assert all(b"authorization" not in dict(scope["headers"]) for scope in served.doors.scopes)


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
@pytest.mark.parametrize("path", ["/hot/echo", "/echo"])
async def test_an_upgrade_is_not_heard_and_the_body_is(
    served: Served, path: str, upgrade: str
) -> None:
    """`curl --http2` and Java's client ask for h2c; their bodies were lost (F4)."""
    asking = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AA")
    async with served.opened() as (reader, writer):
        writer.write(post(path, b"body", *asking) + get("/hot/next"))
        assert (await answer(reader)).text == "body"
        assert (await answer(reader)).text == "next"


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
    async with served.unread(get("/hot/big") + get("/cold") + get("/hot/big")):
        await eventually(lambda: UNTAKEN.held_bytes >= MEBI)
        assert UNTAKEN._held_by.keys() == {"greedy"}
        # The next answers wait for this one to be taken.
        assert UNTAKEN.held_bytes == len(BIG)
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
        timer = connection._timer
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
        said = await answer(reader)
        assert (said.status_code, said.json()["code"]) == (503, "unavailable")
        assert await reader.read() == b""


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
