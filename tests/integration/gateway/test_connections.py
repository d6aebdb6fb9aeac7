"""What a connection may cost, whoever opened it, and what of an answer leaves it (P3, P9, P11)."""

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from gateway.http import connection, limits, outflow
from gateway.http.budgets import UNTAKEN, UNTAKEN_ANONYMOUS, Bodies, Untaken
from gateway.http.connection import PIPELINED_MAX
from gateway.http.head import FIELDS_MAX, HEAD_MAX
from gateway.http.stopping import STOPPING
from kernel.errors import TooMany, Unavailable
from tests.support.eventually import eventually
from tests.support.processes import ROOT
from tests.support.raw_http import answer
from tests.support.serving import MEBI, Served, get, post

READ = 256 * 1024


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Served().running() as served:
        yield served


async def refused(served: Served, request: bytes) -> tuple[int, str]:
    """Send bytes and return status and code of the one answer, after which nothing follows."""
    async with served.opened() as (reader, writer):
        writer.write(request)
        said = await answer(reader)
        assert said.headers["content-type"] == "application/problem+json"
        assert said.headers["connection"] == "close"
        assert said.json()["correlation_id"] == said.headers["exchange-correlation-id"]
        assert await reader.read() == b""
        return said.status_code, said.json()["code"]


@pytest.mark.parametrize(
    "request_",
    [
        get("/" + "a" * HEAD_MAX),
        get("/hot/a", "X: " + "a" * HEAD_MAX),
        b"GET /hot/a HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_MAX,
        get("/hot/a", *["A: b"] * FIELDS_MAX),
        b"GET /" + b"a" * HEAD_MAX,
    ],
)
async def test_a_head_has_bounds(served: Served, request_: bytes) -> None:
    """200 MB of short headers were once read, without a token; a large one held the loop (C1)."""
    assert await refused(served, request_) == (431, "head_too_large")
    assert not served.doors.carried_by


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /hot/a\r\n\r\n", 505, "http_version_not_supported"),
        (b"GET /hot/a HTTP/2.0\r\nHost: x\r\n\r\n", 505, "http_version_not_supported"),
        (b"GET /hot/a HTTP/1.1\r\n\r\n", 400, "malformed_request"),
        (get("/hot/a", "Host: y"), 400, "malformed_request"),
        (post("/hot/a", b"", "Transfer-Encoding: chunked"), 400, "malformed_request"),
        (get("/hot/a", "Transfer-Encoding: gzip, chunked"), 501, "not_implemented"),
        (b"\x16\x03\x01\x02\x00\x01", 400, "malformed_request"),
    ],
)
async def test_what_is_no_request_is_told_as_a_problem(
    served: Served, request_: bytes, status: int, code: str
) -> None:
    """It once was text/plain without a correlation id, or a 200 (F15, F20)."""
    assert await refused(served, request_) == (status, code)


async def test_a_body_that_is_not_in_chunks_is_refused(served: Served) -> None:
    head = b"POST /hot/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert await refused(served, head + b"3\r\nabcd\r\n") == (400, "malformed_request")


@pytest.mark.parametrize("begun", [b"G", b"GET /hot/a HTTP/1.1\r\nHost: x\r\nA"])
async def test_half_a_head_is_waited_for_and_no_longer(
    served: Served, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,000 halves of a head were once kept for ever (C3)."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    async with served.opened() as (_reader, writer):
        writer.write(get("/hot/a"))
        assert await refused(served, begun) == (408, "request_timeout")
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/a") + begun)
        assert (await answer(reader)).text == "a"
        assert (await answer(reader)).status_code == 408


async def test_whoever_begins_nothing_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    async with served.opened() as (reader, _writer):
        assert await reader.read() == b""
    async with served.opened() as (reader, writer):
        writer.write(b"\r\n\r\n")
        assert await reader.read() == b""


async def test_empty_lines_before_a_request_are_passed_over(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(b"\r\n\r\n" + get("/hot/a"))
        assert (await answer(reader)).text == "a"
        writer.write(b"\r")
        await writer.drain()
        writer.write(b"\n" + get("/hot/b"))
        assert (await answer(reader)).text == "b"


async def test_requests_behind_an_answer_are_read_as_they_are_answered(served: Served) -> None:
    """Once all of them were read and queued: 26 MB of one client were 340 MB here (C2)."""
    async with served.opened() as (reader, writer):
        many = get("/hot/a") * 20_000
        writer.write(get("/hot/waits") + many)
        await eventually(lambda: any(not each._reading for each in served.connections))
        [each] = served.connections
        assert len(each._unread) <= PIPELINED_MAX + READ
        served.doors.open.set()
        assert (await answer(reader)).text == "waits"
        for _time in range(500):
            assert (await answer(reader)).text == "a"
        writer.transport.abort()
    await eventually(lambda: not served.connections)


async def test_a_refused_body_is_passed_over_within_bounds(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DROPPED_MAX", 2 * MEBI)
    async with served.opened() as (reader, writer):
        writer.write(post("/hot/a", b"x" * MEBI) + get("/hot/b"))
        assert (await answer(reader)).text == "a"
        assert (await answer(reader)).text == "b"
        writer.write(post("/hot/a", b"x" * 3 * MEBI))
        said = await answer(reader)
        assert (said.text, said.headers["connection"]) == ("a", "close")


async def test_a_refused_body_that_stalls_ends_its_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the answer nobody once looked at it again (C3)."""
    monkeypatch.setattr(connection, "DROP_SECONDS", 0.3)
    async with served.opened() as (reader, writer):
        writer.write(post("/hot/a", b"x" * MEBI)[:-9])
        assert (await answer(reader)).text == "a"
        assert await reader.read() == b""
    await eventually(lambda: not served.connections)


async def test_whoever_waits_to_be_told_to_go_on_is_refused_and_ended(served: Served) -> None:
    async with served.opened() as (reader, writer):
        writer.write(post("/hot/a", b"body", "Expect: 100-continue")[:-4])
        assert (await answer(reader)).headers["connection"] == "close"
        assert await reader.read() == b""


async def test_what_has_not_begun_ends_when_its_client_leaves_and_a_change_goes_on(
    served: Served,
) -> None:
    """What nobody waits for once kept its place in the pool's queue for seconds (C25, E12)."""
    for left, request in enumerate((get("/waits"), post("/waits", b"")), 1):
        async with served.opened() as (_reader, writer):
            writer.write(request)
            await eventually(lambda left=left: len(served.doors.scopes) == left)
        await eventually(lambda left=left: served.doors.left == left)
    async with served.opened() as (_reader, writer):
        writer.write(post("/changes", b""))
        await eventually(lambda: len(served.doors.scopes) == 3)
    await eventually(lambda: not served.connections)
    assert served.doors.left == 2
    served.doors.open.set()
    await eventually(lambda: not served.server.server_state.tasks)


async def test_what_may_not_leave_any_more_is_refused_before_its_head(served: Served) -> None:
    async with served.unread(get("/hot/big") + get("/hot/waits-big")) as client:
        await eventually(lambda: UNTAKEN.held_bytes >= MEBI)
        served.doors.admitted = False
        taken = await everything(client)
    assert b"HTTP/1.1 200" in taken
    assert len(taken) < 2 * MEBI
    assert served.doors.carried_by == ["Cycle"]
    async with served.opened() as (reader, writer):
        writer.write(get("/hot/big"))
        assert (await answer(reader)).status_code == 403


async def test_a_page_that_waits_for_its_reader_ends_with_its_grant(served: Served) -> None:
    """Pages of 10,000 once left minutes after their grant was suspended (A1)."""
    async with served.unread(get("/hot/big")) as client:
        await eventually(lambda: UNTAKEN.held_bytes >= MEBI)
        served.doors.admitted = False
        # Nobody reads: the page is dropped all the same.
        await eventually(lambda: not UNTAKEN.held_bytes)
        taken = await everything(client)
    # What the kernel of either side held when it ended, and not the page.
    assert len(taken) < MEBI
    await eventually(lambda: not served.connections)


async def everything(client: socket.socket) -> bytes:
    """Return what is still to be read, until the end or a reset."""
    loop, taken = asyncio.get_running_loop(), b""
    async with asyncio.timeout(120):
        while True:
            try:
                part = await loop.sock_recv(client, READ)
            except ConnectionResetError:
                return taken
            if not part:
                return taken
            taken += part


async def test_little_is_handed_on_before_it_is_taken(served: Served) -> None:
    async with served.unread(get("/hot/big")):
        await eventually(lambda: UNTAKEN.held_bytes >= MEBI)
        [each] = served.connections
        assert each.transport.get_write_buffer_size() <= outflow.PIECE_BYTES
        end = each.transport.get_extra_info("socket")
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * outflow.KERNEL_BYTES
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_unread_answers_of_nobody_stand_against_no_page(served: Served) -> None:
    """`/openapi.json` left unread 2,700 times once refused every pull, until the restart (C5)."""
    async with served.unread(get("/big")):
        await eventually(lambda: UNTAKEN_ANONYMOUS.held_bytes >= MEBI)
        assert not UNTAKEN.held_bytes
    await eventually(lambda: not UNTAKEN_ANONYMOUS.held_bytes)


async def test_what_nobody_leaves_untaken_is_bounded(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UNTAKEN_ANONYMOUS, "most_bytes", 4 * MEBI)
    async with served.unread(get("/big")), served.opened() as (reader, writer):
        await eventually(lambda: UNTAKEN_ANONYMOUS.held_bytes >= MEBI)
        writer.write(get("/big"))
        said = await answer(reader)
        assert (said.status_code, said.json()["code"]) == (429, "rate_limited")


async def test_a_connection_that_takes_nothing_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outflow, "UNTAKEN_SECONDS", 1)
    async with served.unread(get("/hot/big")):
        await eventually(lambda: UNTAKEN.held_bytes >= MEBI)
        await eventually(lambda: not UNTAKEN.held_bytes, within_seconds=15)


async def test_a_node_that_stops_says_so_with_every_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(STOPPING, "begun", True)
    for path in ("/hot/a", "/cold"):
        async with served.opened() as (reader, writer):
            writer.write(get(path))
            assert (await answer(reader)).headers["connection"] == "close"
            assert await reader.read() == b""
    monkeypatch.setattr(STOPPING, "refusing", True)
    for path in ("/hot/a", "/cold"):
        assert await refused(served, get(path)) == (503, "unavailable")


def test_a_client_that_leaves_too_much_gets_no_more_and_others_do() -> None:
    untaken = Untaken(most_bytes=400)
    untaken.hold("greedy", 90)
    untaken.require_room("greedy")
    untaken.hold("greedy", 90)
    with pytest.raises(TooMany):
        untaken.require_room("greedy")
    untaken.require_room("modest")
    untaken.release("greedy", 90)
    untaken.require_room("greedy")


def test_when_all_together_leave_too_much_nobody_gets_more() -> None:
    untaken = Untaken(most_bytes=400)
    for number in range(5):
        untaken.hold(f"client {number}", 90)
    with pytest.raises(Unavailable):
        untaken.require_room("another")
    untaken.release("client 0", 90)
    untaken.require_room("another")


def test_bodies_of_one_client_leave_room_for_others() -> None:
    bodies = Bodies(most_bytes=400)
    bodies.hold("greedy", 100)
    with pytest.raises(TooMany):
        bodies.hold("greedy", 1)
    for number in range(2):
        bodies.hold(f"client {number}", 99)
    bodies.hold("another", 99)
    with pytest.raises(Unavailable):
        bodies.hold("one more", 3)
    bodies.release("greedy", 101)
    bodies.hold("modest", 50)


def test_the_gateway_holds_as_many_connections_as_the_system_allows() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowered = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))"
    raised = "from gateway.http.limits import allow_many; allow_many()"
    told = "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    done = subprocess.run(
        [sys.executable, "-c", f"{lowered}; {raised}; {told}"],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=240,
    )  # fmt: skip
    assert int(done.stdout) == hard


def test_a_system_that_refuses_no_limit_gets_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """MacOS answers a limit without end with an error, and the gateway once ended (I21)."""
    asked: list[int] = []

    def refuse(_which: int, limit: tuple[int, int]) -> None:
        asked.append(limit[0])
        if limit[0] == resource.RLIM_INFINITY:
            raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    limits.allow_many()
    assert asked == [resource.RLIM_INFINITY, limits.MANY]
