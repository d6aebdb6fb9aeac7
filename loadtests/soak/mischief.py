"""A bad neighbour: it asks without reading, or as fast as it can whatever it is told.

Run by the soak with an order on standard input, until it is ended. It gives way to everybody else
on the machine: in earnest it would sit on a machine of its own.
"""

import asyncio
import contextlib
import os
import sys
from typing import cast

import msgspec
import uvloop

from loadtests.generator import HEAD_END, LENGTH, NICENESS, STATUS
from loadtests.soak.asking import Ask, target

CLOG_SECONDS = 0.5
REOPEN_SECONDS = 0.1


class Clogging(msgspec.Struct, tag="clogging"):
    """Ask for a page on every connection again and again, and never read one."""


class Flooding(msgspec.Struct, tag="flooding"):
    """Ask again as soon as an answer is there, whatever it says."""


class Order(msgspec.Struct):
    host: str
    port: int
    token: str
    ask: Ask
    limit: int
    connections: int
    kind: Clogging | Flooding


def _request(order: Order) -> bytes:
    return (
        f"GET {target(order.ask, order.limit)} HTTP/1.1\r\nHost: {order.host}\r\n"
        f"Authorization: Bearer {order.token}\r\n\r\n"
    ).encode()


class Flood(asyncio.Protocol):
    """One connection of a flood; answers are skipped."""

    def __init__(self, request: bytes) -> None:
        self.lost = asyncio.Event()
        self._request = request
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(HEAD_END)
        length = LENGTH.search(self._received, 0, end) if end >= 0 else None
        if length is None or len(self._received) < end + len(HEAD_END) + int(length[1]):
            return
        int(self._received[STATUS])
        self._received = b""
        self._transport.write(self._request)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()


async def flood(order: Order) -> None:
    """Keep one connection flooding; one that is closed is opened again."""
    loop, request = asyncio.get_running_loop(), _request(order)
    while True:
        with contextlib.suppress(OSError):
            _, made = await loop.create_connection(lambda: Flood(request), order.host, order.port)
            await made.lost.wait()
        await asyncio.sleep(REOPEN_SECONDS)


async def clog(order: Order) -> None:
    """Keep asking on one connection whose answers pile up."""
    request = _request(order)
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(order.host, order.port, limit=1)
            with contextlib.suppress(OSError):
                while not reader.at_eof():
                    writer.write(request)
                    await writer.drain()
                    await asyncio.sleep(CLOG_SECONDS)
            writer.close()
        await asyncio.sleep(REOPEN_SECONDS)


async def run(order: Order) -> None:
    work = clog if isinstance(order.kind, Clogging) else flood
    await asyncio.gather(*(work(order) for _ in range(order.connections)))


def main() -> None:
    os.nice(NICENESS)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    uvloop.run(run(order))


if __name__ == "__main__":
    main()
