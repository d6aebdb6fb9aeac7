"""Names of receivers: one that is silent holds up no other, and what is known is tested anew."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from kernel.outbound import names
from kernel.outbound.addresses import plain
from kernel.outbound.names import Names
from tests.support.eventually import eventually, patience

GOOD, SILENT = "good.example", "silent.example"


class Resolver:
    """The system's resolver; `silent` names are not answered for before the test is over."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = {SILENT}
        self.address = "10.1.2.3"
        self.over = threading.Event()

    def __call__(self, host: str, *_rest: object, **_more: object) -> list[object]:
        self.asked.append(host)
        if host in self.silent:
            self.over.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "nobody answered")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, 0))]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.over.set()


async def test_a_silent_name_server_holds_up_no_other_name(resolver: Resolver) -> None:
    """Each of two hundred calls took a thread for many seconds, and there were eight."""
    known = Names()
    waiting = [asyncio.create_task(known.addresses(SILENT)) for _ in range(200)]
    await eventually(lambda: SILENT in resolver.asked)
    async with asyncio.timeout(patience(5)):
        assert await known.addresses(GOOD) == (plain("10.1.2.3"),)
    assert resolver.asked.count(SILENT) == 1
    # Whoever gives up leaves the others their answer.
    waiting[0].cancel()
    resolver.over.set()
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
    assert {type(each) for each in told[1:]} == {socket.gaierror}
    known.close()


async def test_a_name_is_called_where_it_was_while_its_name_server_is_silent(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "KNOWN_SECONDS", 0.0)
    known = Names()
    before = await known.addresses(GOOD)
    resolver.silent.add(GOOD)
    assert await known.addresses(GOOD) == before
    monkeypatch.setattr(names, "STALE_SECONDS", 0.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await known.addresses(GOOD)
    resolver.over.set()
    known.close()


async def test_a_name_that_moves_is_followed(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "KNOWN_SECONDS", 0.0)
    known = Names()
    assert await known.addresses(GOOD) == (plain("10.1.2.3"),)
    resolver.address = "10.1.2.4"
    assert await known.addresses(GOOD) == (plain("10.1.2.4"),)
    known.close()
