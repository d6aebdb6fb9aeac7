"""Bodies as large as they may be, sent quickly and slowly by many: a flood of its own process.

Run by the soak with an order on standard input; every answer must be a receipt or an orderly
refusal that says when to come again.
"""

import asyncio
import contextlib
import itertools
import re
import sys
import time

import msgspec
import orjson
import uvloop

from loadtests import records
from loadtests.generator import HEAD_END, LENGTH, STATUS
from loadtests.tally import BEGIN, DONE, END, Tally, tell
from loadtests.workloads import CREATED

RETRY_AFTER = re.compile(rb"\r\nretry-after: *[1-9]\d*\r", re.IGNORECASE)
REFUSED = frozenset({429, 503})
# A body is at most 8 MiB (api.md section 5).
BODY_BYTES = 8 * 1024 * 1024
ADDRESS = "广西壮族自治区南宁市青秀区民族大道" * 11
SLOW_BYTES, SLOW_SECONDS = 256 * 1024, 0.1
PAUSE_SECONDS = 0.05
# Longer than the gateway tries to reach a broker that is away.
PATIENCE_SECONDS = 60.0


class Order(msgspec.Struct):
    """`quick` connections send a body at once, `slow` ones piece by piece."""

    host: str
    port: int
    tokens: list[str]
    resources: list[str]
    quick: int
    slow: int
    seconds: float


def body() -> tuple[bytes, int]:
    """Return a body as large as may be, and how many records it holds."""
    changed = {"address": ADDRESS, "remark": "压" * 50}
    lines: list[bytes] = []
    room = BODY_BYTES
    for number in itertools.count():
        line = orjson.dumps(records.record(number) | changed)
        room -= len(line) + 1
        if room < 0:
            return b"\n".join(lines), len(lines)
        lines.append(line)
    raise AssertionError


class Flood:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._body, self._records = body()
        self._until = time.monotonic() + order.seconds
        self.tally = Tally()

    async def pour(self, number: int, *, slowly: bool) -> None:
        """Publish until the time is up; whatever comes back is judged."""
        order = self._order
        token = order.tokens[number % len(order.tokens)]
        resource = order.resources[number % len(order.resources)]
        while time.monotonic() < self._until:
            begun = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    answer = await self._ask(token, resource, slowly=slowly)
                self._judge(answer, time.perf_counter() - begun)
            except TimeoutError:
                self.tally.failed(f"no answer within {PATIENCE_SECONDS:.0f} s")
            except OSError as error:
                # A refusal may come while the body is being sent, and its connection ends then.
                self.tally.facts["broken_off"] = self.tally.facts.get("broken_off", 0) + 1
                del error
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, token: str, resource: str, *, slowly: bool) -> bytes:
        order = self._order
        head = (
            f"POST /v1/resources/{resource}/records HTTP/1.1\r\nHost: {order.host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n"
            f"Content-Length: {len(self._body)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(order.host, order.port)
        try:
            writer.write(head.encode())
            sending = asyncio.create_task(self._send(writer, slowly=slowly))
            try:
                return await _answer(reader)
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
        name = f"answers_{status}"
        tally.facts[name] = tally.facts.get(name, 0) + 1
        if status == CREATED:
            tally.answered(self._records, seconds)
        elif status in REFUSED and RETRY_AFTER.search(answer):
            tally.refused += 1
        else:
            tally.failed(f"{answer[:300]!r}")


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """Return one whole answer; ConnectionError when the connection ends before."""
    head = await _until(reader, HEAD_END)
    length = LENGTH.search(head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


async def _until(reader: asyncio.StreamReader, mark: bytes) -> bytes:
    try:
        return await reader.readuntil(mark)
    except asyncio.IncompleteReadError as error:
        raise ConnectionError from error


async def run(order: Order) -> None:
    flood = Flood(order)
    flood.tally.open_window()
    tell(BEGIN)
    await asyncio.gather(
        *(flood.pour(number, slowly=False) for number in range(order.quick)),
        *(flood.pour(number, slowly=True) for number in range(order.slow)),
    )
    tell(END, flood.tally.close_window())
    tell(DONE, flood.tally.total())


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    uvloop.run(run(order))


if __name__ == "__main__":
    main()
