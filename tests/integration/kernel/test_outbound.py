"""Calls against servers of every bad kind, on sockets of this machine."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from kernel.outbound import client, names
from kernel.outbound.addresses import Rule
from kernel.outbound.client import Deadlines, Outbound, OutboundRequest
from kernel.outbound.errors import OutboundError, Reason
from kernel.outbound.names import Names
from kernel.outbound.own import Own
from kernel.settings import Settings
from tests.support.certificates import Authority

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SHORT = Deadlines(connect=5.0, first_byte=0.3, idle=0.3, total=5.0)
Answering = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(answer: bytes) -> Answering:
    async def write(
        _head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(answer)
        await writer.drain()

    return write


class Server:
    """A server that keeps the heads that it was sent, and counts its connections."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.heads: list[bytes] = []
        self.connections = 0
        self.ended = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The task is nobody's: it ends with its connection, or with the test.
            pass
        finally:
            self.ended.set()
            writer.close()


@asynccontextmanager
async def serving(
    answer: Answering, context: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def calling(
    own: Sequence[tuple[str, int]] = (), *, loopback: bool = True, authority: Path | None = None
) -> AsyncIterator[Outbound]:
    outbound = Outbound(Rule(loopback=loopback), Own(own), clear_text=True, authority=authority)
    try:
        yield outbound
    finally:
        await outbound.close()


async def read(outbound: Outbound, url: str, most: int = 1024, **more: object) -> tuple[int, bytes]:
    request = OutboundRequest("GET", url, LOOPBACK, **more)  # type: ignore[arg-type]
    async with outbound.call(request) as response:
        return response.status, await response.read(most)


async def refused(outbound: Outbound, url: str, most: int = 1024, **more: object) -> Reason:
    with pytest.raises(OutboundError) as error:
        await read(outbound, url, most, **more)
    return error.value.reason


async def test_a_receiver_sees_its_name_and_a_connection_serves_again() -> None:
    async with serving(answering(GOOD)) as server, calling() as outbound:
        for _ in range(3):
            url = f"http://localhost:{server.port}/a?b=c"
            assert await read(outbound, url) == (200, b"ok")
    assert server.connections == 1
    head = server.heads[0].decode()
    assert head.startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: localhost:{server.port}\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


async def test_numbers_and_mapped_addresses_are_the_addresses_that_they_mean() -> None:
    async with serving(answering(GOOD)) as server, calling(loopback=False) as outbound:
        for host in ("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost",
                     "[::ffff:127.0.0.1]", "127.1"):  # fmt: skip
            reason = await refused(outbound, f"http://{host}:{server.port}/")
            assert reason in (Reason.ADDRESS_REFUSED, Reason.NAME_UNKNOWN), host
    assert server.connections == 0


async def test_a_name_is_resolved_once_and_every_address_of_it_is_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that resolves to another address the second time is connected to where it was."""
    asked: list[str] = []

    def resolve(host: str, *_rest: object, **_more: object) -> list[object]:
        asked.append(host)
        each = ["127.0.0.1"] if host == "once.example" else ["127.0.0.1", "169.254.169.254"]
        if asked.count(host) > 1:
            each = ["169.254.169.254"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 0)) for text in each]

    async with serving(answering(GOOD)) as server, calling() as outbound:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert await read(outbound, f"http://once.example:{server.port}/") == (200, b"ok")
        assert asked == ["once.example"]
        monkeypatch.setattr(names, "KNOWN_SECONDS", 0.0)
        reason = await refused(outbound, f"http://both.example:{server.port}/")
        assert reason is Reason.ADDRESS_REFUSED
    assert server.connections == 1


async def test_the_platform_is_never_called_even_where_its_machine_may_be() -> None:
    async with serving(answering(GOOD)) as server:
        for host in ("127.0.0.1", "localhost", "0.0.0.0", "127.0.0.2"):  # noqa: S104
            async with calling([(host, server.port)]) as outbound:
                url = f"http://127.0.0.1:{server.port}/"
                assert await refused(outbound, url) is Reason.ADDRESS_REFUSED
    assert server.connections == 0


async def test_own_places_are_those_of_the_settings() -> None:
    settings = Settings(
        host="0.0.0.0",  # noqa: S104
        port=8001,
        base_url="https://exchange.example",
        database_url="postgresql://db.example/shuyuan",
        kafka_bootstrap="a.example:9093,[fd00::1]:9094",
        scan_address="/run/clamd.sock",
    )
    places = set(Own.of(settings).places)
    assert {
        ("0.0.0.0", 8001),  # noqa: S104
        ("exchange.example", 443),
        ("db.example", 5432),
        ("a.example", 9093),
        ("fd00::1", 9094),
    } <= places


async def test_a_redirect_is_an_answer_like_others() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(moved)) as server, calling() as outbound:
        assert await read(outbound, f"http://127.0.0.1:{server.port}/") == (302, b"")
    assert len(server.heads) == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(answering(GOOD)) as server, calling() as outbound:
        assert await read(outbound, f"http://127.0.0.1:{server.port}/") == (200, b"ok")


async def test_an_answer_has_bounds_in_time_and_bytes() -> None:
    async def silent(*_: object) -> None:
        await asyncio.sleep(30)

    async def dripping_head(_h: bytes, _r: object, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.1)

    async def stalled(_h: bytes, _r: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await asyncio.sleep(30)

    async def dripping_body(_h: bytes, _r: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        for _ in range(900):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    endless = answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)
    declared = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    wrong = answering(b"SSH-2.0-OpenSSH\r\n\r\n")
    cases: list[tuple[Answering, Deadlines, Reason]] = [
        (silent, Deadlines(connect=0.1, first_byte=0.2), Reason.FIRST_BYTE_TIMEOUT),
        (dripping_head, Deadlines(connect=0.1, first_byte=0.4), Reason.FIRST_BYTE_TIMEOUT),
        (stalled, Deadlines(idle=0.2), Reason.IDLE_TIMEOUT),
        (dripping_body, Deadlines(idle=1.0, total=0.5), Reason.TOTAL_TIMEOUT),
        (endless, Deadlines(), Reason.BODY_TOO_LARGE),
        (declared, Deadlines(), Reason.BODY_TOO_LARGE),
        (wrong, Deadlines(), Reason.BROKEN),
    ]
    for answer, deadlines, reason in cases:
        async with serving(answer) as server, calling() as outbound:
            url = f"http://127.0.0.1:{server.port}/"
            assert await refused(outbound, url, deadlines=deadlines) is reason


async def test_a_port_that_nobody_listens_on_and_a_name_that_nobody_has() -> None:
    async with calling() as outbound:
        assert await refused(outbound, "http://127.0.0.1:1/") is Reason.CONNECT_FAILED
        assert await refused(outbound, "http://nobody.invalid/") is Reason.NAME_UNKNOWN


async def test_the_beginning_of_a_long_answer_is_enough_and_its_connection_is_closed() -> None:
    long = answering(b"HTTP/1.1 500 Oh\r\n\r\n" + b"x" * 70_000)
    async with serving(long) as server, calling() as outbound:
        request = OutboundRequest("POST", f"http://127.0.0.1:{server.port}/", LOOPBACK)
        async with outbound.call(request) as response:
            assert response.status == 500
            assert await response.beginning(2048) == b"x" * 2048


async def test_whoever_leaves_before_the_first_byte_leaks_no_connection() -> None:
    """Twelve callers give up on a pool of four; the thirteenth finds a connection."""
    begun = asyncio.Event()

    async def slow_then_good(head: bytes, reader: object, writer: asyncio.StreamWriter) -> None:
        if b"/slow" in head:
            begun.set()
            await asyncio.sleep(30)
        await answering(GOOD)(head, reader, writer)  # type: ignore[arg-type]

    async with serving(slow_then_good) as server:
        outbound = Outbound(Rule(loopback=True), Own(), clear_text=True, connections=4)
        url = f"http://127.0.0.1:{server.port}"
        for _ in range(3):
            begun.clear()
            tasks = [asyncio.create_task(read(outbound, f"{url}/slow")) for _ in range(4)]
            await begun.wait()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert await read(outbound, f"{url}/good") == (200, b"ok")
        await outbound.close()


async def test_bytes_that_nobody_takes_are_dropped_with_their_call() -> None:
    """A receiver that reads nothing, and a call that is given up: nothing more arrives."""
    gone, asked = asyncio.Event(), asyncio.Event()
    taken = 0

    async def never_reads(
        _head: bytes, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        nonlocal taken
        await gone.wait()
        try:
            while data := await reader.read(65536):
                taken += len(data)
        except ConnectionError:
            return

    async def body() -> AsyncIterator[bytes]:
        for _ in range(1000):
            asked.set()
            yield bytes(64 * 1024)

    async with serving(never_reads) as server, calling() as outbound:
        url = f"http://127.0.0.1:{server.port}/"
        task = asyncio.create_task(read(outbound, url, body=body()))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gone.set()
        await server.ended.wait()
    assert taken < 1000 * 64 * 1024


async def test_tls_asks_for_the_name_and_checks_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    seen: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("receiver"))
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    async with serving(answering(GOOD), context) as server:
        async with calling(authority=authority.file) as outbound:
            assert await read(outbound, f"https://localhost:{server.port}/") == (200, b"ok")
            assert seen == ["localhost"]
        async with calling() as stranger:
            reason = await refused(stranger, f"https://localhost:{server.port}/")
            assert reason is Reason.TLS_FAILED


def test_bounds_are_those_that_are_promised() -> None:
    assert Deadlines() == Deadlines(connect=2.0, first_byte=10.0, idle=30.0, total=None)
    assert client.CONNECTIONS_PER_HOST < client.CONNECTIONS
    Names().close()
