"""Answers that nobody takes are bounded in memory, and their connections end (P9)."""

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from gateway import connections
from gateway.connections import UNTAKEN, Untaken
from gateway.exchanges import HOLDER
from kernel.errors import TooMany, Unavailable
from tests.support.eventually import eventually
from tests.support.processes import ROOT, free_port

MEBI = 1024 * 1024
BODY = b"x" * 16 * MEBI


async def app(scope: dict[str, object], _receive: object, send: object) -> None:
    """Answer with more than the kernel takes."""
    assert callable(send)
    scope[HOLDER] = "greedy"
    headers = [(b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server whose connections end after a second in which nothing is taken."""
    monkeypatch.setattr(connections, "UNTAKEN_SECONDS", 1)
    port = free_port()
    config = uvicorn.Config(
        app, port=port, http="gateway.connections:Connection", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            server, "capture_signals", contextlib.nullcontext
        )
        serving = asyncio.create_task(server.serve())
        await eventually(lambda: server.started)
        yield port
        server.should_exit = server.force_exit = True
        await serving


async def ask(port: int) -> socket.socket:
    """Send a request on a socket from which nobody reads."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.setblocking(False)
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    return client


async def held(at_least: int, within_seconds: float = 5.0) -> None:
    """Return when at least so much is held, and with 0 when nothing is."""

    def so() -> bool:
        return UNTAKEN.held_bytes >= at_least if at_least else not UNTAKEN.held_bytes

    await eventually(so, within_seconds=within_seconds)


async def test_what_is_not_taken_is_counted_until_its_connection_ends(port: int) -> None:
    client = await ask(port)
    await held(MEBI)
    assert UNTAKEN._held_by.keys() == {"greedy"}
    client.close()
    await held(0)
    assert not UNTAKEN._held_by


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel has no such end")
async def test_a_connection_that_takes_nothing_is_ended(port: int) -> None:
    client = await ask(port)
    await held(MEBI)
    await held(0, within_seconds=15)
    client.close()


async def test_whoever_reads_slowly_gets_everything(port: int) -> None:
    got = 0
    async with (
        httpx.AsyncClient() as http,
        http.stream("GET", f"http://127.0.0.1:{port}/") as answer,
    ):
        async for part in answer.aiter_raw(256 * 1024):
            got += len(part)
            await asyncio.sleep(0.04)
    assert got == len(BODY)
    await held(0)


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


def test_the_gateway_holds_as_many_connections_as_the_system_allows() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowered = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))"
    raised = "from gateway.connections import allow_many; allow_many()"
    told = "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    done = subprocess.run(
        [sys.executable, "-c", f"{lowered}; {raised}; {told}"],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert int(done.stdout) == hard
