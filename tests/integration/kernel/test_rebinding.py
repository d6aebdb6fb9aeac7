"""A name that is another address the second time: every way out stays where it was tested.

The name is first an allowed address, then one of the inside; servers listen on both, on one port.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from exchange.delivery.push import sender
from exchange.delivery.push.receiver import Receiver
from exchange.delivery.push.sender import Pieces, Sender
from exchange.notices import notifier
from exchange.services import calls
from exchange.services.calls import CallRequest
from exchange.services.operations import Operation, Response, Timeouts
from exchange.services.plans import ServicePlan
from kernel.outbound import names
from kernel.outbound.addresses import Rule
from kernel.outbound.client import Deadlines, Outbound, OutboundRequest
from kernel.outbound.errors import OutboundError
from kernel.outbound.own import Own

HOST = "moving.example"
OUTSIDE, INSIDE = "127.0.0.1", "127.0.0.2"
NETWORKS = (ip_network(f"{OUTSIDE}/32"),)
SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2Vj"
ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Ground:
    """A port that is served on both addresses, and by whom it was reached."""

    port: int = 0
    reached: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/in"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.append(writer.get_extra_info("sockname")[0])
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def resolve(self, host: str, port: object, *_rest: object, **_more: object) -> list[object]:
        self.asked.append(host)
        moved = OUTSIDE if self.asked.count(HOST) == 1 else INSIDE
        told = moved if host == HOST else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (told, port))]


@asynccontextmanager
async def serving() -> AsyncIterator[Ground]:
    ground = Ground()
    outside = await asyncio.start_server(ground.serve, OUTSIDE, 0)
    ground.port = outside.sockets[0].getsockname()[1]
    inside = await asyncio.start_server(ground.serve, INSIDE, ground.port)
    try:
        yield ground
    finally:
        outside.close()
        inside.close()


def _receiver(url: str) -> Receiver:
    return Receiver("s", url, "webhook", 100, 1 << 20, NETWORKS, 1, SECRET)


async def push(outbound: Outbound, url: str) -> str:
    outcome = await Sender(outbound, "https://x.example").send(
        _receiver(url), "msg_1", Pieces(b"{}", sender._always)
    )
    return str(outcome.failure or outcome.status)


async def challenge(outbound: Outbound, url: str) -> str:
    outcome = await Sender(outbound, "https://x.example").challenge(_receiver(url))
    return str(outcome.failure or outcome.status)


async def service(outbound: Outbound, url: str) -> str:
    plan = ServicePlan(url, HOST, 1, {}, (), Timeouts(), NETWORKS)
    operation = Operation("find", "GET", "/find", Response.RECORDS)
    asked = calls._outbound(plan, operation, CallRequest("find", "GET", {}, {}, b""), 5.0)
    try:
        async with outbound.call(asked) as response:
            return str(response.status)
    except OutboundError as error:
        return str(error.reason)


async def notice(outbound: Outbound, url: str) -> str:
    request = OutboundRequest("POST", url, NETWORKS, (), b"{}", notifier.DEADLINES)
    outcome = await notifier._posted(outbound, request)
    return str(outcome.failure or outcome.status)


async def named(outbound: Outbound, url: str) -> str:
    """What is asked of a URL when it is set, and then a call."""
    try:
        told = [str(each) for each in await outbound.addresses(url, NETWORKS)]
    except OutboundError as error:
        return str(error.reason)
    assert told == [OUTSIDE]
    return "200"


Way = Callable[[Outbound, str], Awaitable[str]]
WAYS: list[Way] = [push, challenge, service, notice, named]


@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.__name__)
async def test_a_name_that_moves_inside_is_called_where_it_was_tested(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as ground:
        monkeypatch.setattr(socket, "getaddrinfo", ground.resolve)
        monkeypatch.setattr(names, "KNOWN_SECONDS", 0.0)
        outbound = Outbound(Rule(loopback=True), Own(), clear_text=True)
        try:
            first = await way(outbound, ground.url)
            assert first in {"200", sender.WRONG_ANSWER}
            # One question for one call: whoever connects asks nobody again.
            assert ground.asked == [HOST]
            assert await way(outbound, ground.url) == "address_refused"
        finally:
            await outbound.close()
        assert INSIDE not in ground.reached


async def test_a_name_with_a_dead_address_is_not_asked_for_again_on_the_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second address was tested with the first; a second question would be answered inside."""
    async with serving() as ground:
        dead = "127.0.0.3"

        def resolve(host: str, port: object, *rest: object, **more: object) -> list[object]:
            told = ground.resolve(host, port, *rest, **more)
            if host == HOST and ground.asked.count(HOST) == 1:
                told.insert(0, (socket.AF_INET, socket.SOCK_STREAM, 6, "", (dead, port)))
            return told

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        outbound = Outbound(Rule(loopback=True), Own(), clear_text=True)
        networks = (*NETWORKS, ip_network(f"{dead}/32"))
        request = OutboundRequest("GET", ground.url, networks, deadlines=Deadlines(total=30.0))
        try:
            async with outbound.call(request) as response:
                assert response.status == 200
        finally:
            await outbound.close()
        assert (ground.asked, ground.reached) == ([HOST], [OUTSIDE])
