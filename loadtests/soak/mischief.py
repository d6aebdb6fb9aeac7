"""Bad neighbours as processes of their own, run by the soak with an order on standard input.

One asks and never reads, or as fast as it can whatever it is told, until it is ended; it gives way
to everybody else on the machine: in earnest it would sit on a machine of its own. Or many pour
bodies as large as they may be, quickly and slowly: every answer must then be a receipt or an
orderly refusal that says when to come again.
"""

import asyncio
import contextlib
import os
import sys
import time

import msgspec
import orjson
import uvloop

from loadtests import records
from loadtests.generator import (
    CREATED,
    HEAD_END,
    LENGTH,
    NICENESS,
    RETRY_AFTER,
    STATUS,
    Answers,
    address,
)
from loadtests.pages import Page
from loadtests.tally import BEGIN, DONE, END, Tally, tell

CLOG_SECONDS, REOPEN_SECONDS, PAUSE_SECONDS = 0.5, 0.1, 0.05
REFUSED = frozenset({429, 503})
# A body is at most 8 MiB (docs/api.md section 5).
BODY_BYTES = 8 * 1024 * 1024
ADDRESS = "广西壮族自治区南宁市青秀区民族大道" * 11
SLOW_BYTES, SLOW_SECONDS = 256 * 1024, 0.1
# Longer than the gateway tries to reach a broker that is away.
PATIENCE_SECONDS = 60.0


class Asking(msgspec.Struct, tag="asking"):
    """Ask for a page on every connection again and again; one that `clogs` never reads one."""

    token: str
    target: str
    connections: int
    clogs: bool


class Pouring(msgspec.Struct, tag="pouring"):
    """`quick` connections send a body at once, `slow` ones piece by piece."""

    tokens: list[str]
    resources: list[str]
    quick: int
    slow: int
    seconds: float


class Order(msgspec.Struct):
    base_url: str
    work: Asking | Pouring


class Flood(Answers):
    """One connection of a flood; answers are skipped."""

    def __init__(self, request: bytes) -> None:
        super().__init__()
        self.lost = asyncio.Event()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport.write(self._request)

    def answered(self, _answer: bytes, _head_end: int) -> None:
        self._transport.write(self._request)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()


async def ask(order: Order, work: Asking) -> None:
    """Keep one connection asking; one that is closed is opened again."""
    where = address(order.base_url)
    request = Page(work.target, 0).request(where[0], [work.token])
    while True:
        with contextlib.suppress(OSError):
            await (_clog if work.clogs else _flood)(where, request)
        await asyncio.sleep(REOPEN_SECONDS)


async def _flood(where: tuple[str, int], request: bytes) -> None:
    made = Flood(request)
    await made.connect(*where)
    await made.lost.wait()


async def _clog(where: tuple[str, int], request: bytes) -> None:
    reader, writer = await asyncio.open_connection(*where, limit=1)
    with contextlib.suppress(OSError):
        while not reader.at_eof():
            writer.write(request)
            await writer.drain()
            await asyncio.sleep(CLOG_SECONDS)
    writer.close()


def body() -> tuple[bytes, int]:
    """Return a body as large as may be, and how many records it holds."""
    changed = {"address": ADDRESS, "remark": "压" * 50}
    lines: list[bytes] = []
    room = BODY_BYTES
    while room >= 0:
        lines.append(orjson.dumps(records.record(len(lines)) | changed))
        room -= len(lines[-1]) + 1
    return b"\n".join(lines[:-1]), len(lines) - 1


class Pourer:
    def __init__(self, order: Order, work: Pouring) -> None:
        self._address, self._work = address(order.base_url), work
        self._body, self._records = body()
        self._until = time.monotonic() + work.seconds
        self.tally = Tally()

    async def pour(self, number: int) -> None:
        """Publish until the time is up; whatever comes back is judged."""
        work = self._work
        token = work.tokens[number % len(work.tokens)]
        resource = work.resources[number % len(work.resources)]
        head = (
            f"POST /v1/resources/{resource}/records HTTP/1.1\r\nHost: {self._address[0]}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n"
            f"Content-Length: {len(self._body)}\r\n\r\n"
        )
        while time.monotonic() < self._until:
            begun = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    answer = await self._ask(head.encode(), slowly=number >= work.quick)
                self._judge(answer, time.perf_counter() - begun)
            except TimeoutError:
                self.tally.failed(f"no answer within {PATIENCE_SECONDS:.0f} s")
            except (OSError, asyncio.IncompleteReadError):
                # A refusal may come while the body is being sent, and its connection ends then.
                self.tally.count("broken_off")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, head: bytes, *, slowly: bool) -> bytes:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(head)
            sending = asyncio.create_task(self._send(writer, slowly=slowly))
            try:
                answer = await reader.readuntil(HEAD_END)
                length = LENGTH.search(answer)
                return answer + await reader.readexactly(int(length[1]) if length else 0)
            finally:
                sending.cancel()
                await asyncio.wait([sending])
        finally:
            writer.transport.abort()

    async def _send(self, writer: asyncio.StreamWriter, *, slowly: bool) -> None:
        step = SLOW_BYTES if slowly else len(self._body)
        with contextlib.suppress(OSError):
            for start in range(0, len(self._body), step):
                writer.write(self._body[start : start + step])
                await writer.drain()
                if slowly:
                    await asyncio.sleep(SLOW_SECONDS)

    def _judge(self, answer: bytes, seconds: float) -> None:
        status, tally = int(answer[STATUS]), self.tally
        if status == CREATED:
            tally.answered(self._records, seconds)
            tally.count("answers_201")
        elif status in REFUSED and RETRY_AFTER.search(answer):
            tally.refused(status)
        else:
            tally.failed(f"{answer[:300]!r}")


async def run(order: Order) -> None:
    work = order.work
    if isinstance(work, Asking):
        os.nice(NICENESS)
        await asyncio.gather(*(ask(order, work) for _ in range(work.connections)))
        return
    pourer = Pourer(order, work)
    pourer.tally.open_window()
    tell(BEGIN)
    await asyncio.gather(*(pourer.pour(number) for number in range(work.quick + work.slow)))
    tell(END, pourer.tally.close_window())
    tell(DONE, pourer.tally.total())


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    uvloop.run(run(order))


if __name__ == "__main__":
    main()
