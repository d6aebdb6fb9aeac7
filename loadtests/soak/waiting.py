"""Thousands of open long polls of one process: what they cost, and how soon news reaches the last.

Run by the soak with an order on standard input. Every poll goes on with the cursor that it was
given, so that each record must come to each exactly once.
"""

import asyncio
import re
import sys
import time
from collections.abc import Sequence
from typing import cast

import msgspec
import uvloop

from loadtests import records
from loadtests.generator import HEAD_END, LENGTH, STATUS
from loadtests.soak.asking import Ask, target
from loadtests.stage import PAGE
from loadtests.tally import BEGIN, DONE, END, Tally, percentile, tell
from loadtests.workloads import CREATED, OK

CURSOR = re.compile(rb"\r\nexchange-next-cursor: *(\S+)", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after: *[1-9]\d*\r", re.IGNORECASE)
UNAVAILABLE, RETRY_SECONDS = 503, 1.0
# Connections are opened so many at a time: the backlog of a listening socket is bounded.
OPENED_AT_ONCE = 200
PATIENCE_SECONDS = 60.0
SETTLING_SECONDS = 300.0
# Marks on the way, beside those of every generator.
OPENED, ROUND = "opened", "round"


class Order(msgspec.Struct):
    """`polls` connections share the `asks` out; `of` says which resource each ask is of.

    After an idle time `rounds` records are published one by one, into the resources in turn, each
    when the one before has reached everybody and `settle_seconds` have passed.
    """

    host: str
    port: int
    tokens: list[str]
    asks: list[Ask]
    of: list[int]
    polls: int
    wait_seconds: int
    idle_seconds: float
    publisher_token: str
    resources: list[str]
    rounds: int
    settle_seconds: float


class Poll(asyncio.Protocol):
    """One connection that always has a poll open; tells its hall of every record."""

    def __init__(self, hall: "Hall", ask: Ask, resource: int) -> None:
        self.resource = resource
        self.answers = 0
        self._hall = hall
        self._ask_for = ask
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        order = self._hall.order
        # The first one is answered at once: then whatever it needs is loaded.
        path = target(self._ask_for, PAGE, order.wait_seconds if self.answers else 0)
        token = order.tokens[self._ask_for.token]
        head = f"GET {path} HTTP/1.1\r\nHost: {order.host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        self._transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(HEAD_END)
        length = LENGTH.search(self._received, 0, end) if end >= 0 else None
        if length is None or len(self._received) < end + len(HEAD_END) + int(length[1]):
            return
        answer, self._received = self._received, b""
        self._answered(answer, end)

    def _answered(self, answer: bytes, end: int) -> None:
        if int(answer[STATUS]) == UNAVAILABLE and RETRY_AFTER.search(answer, 0, end):
            # A worker that is short of time cannot confirm its rules, and says so.
            self._hall.tally.refused += 1
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._ask)
            return
        cursor = CURSOR.search(answer, 0, end)
        if int(answer[STATUS]) != OK or cursor is None:
            self._hall.failed(f"long poll: {answer[:300]!r}")
            return
        self.answers += 1
        if self.answers == 1:
            self._hall.settled()
        body = answer[end + len(HEAD_END) :]
        self._ask_for = msgspec.structs.replace(self._ask_for, cursor=cursor[1].decode())
        if body:
            self._hall.received(self, body)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hall.lost(exc)

    def close(self) -> None:
        self._transport.close()


class Hall:
    """All polls, and the record that they wait for."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.tally = Tally()
        self.polls: list[Poll] = []
        self._key = b""
        self._waiting: set[Poll] = set()
        self._everybody = asyncio.Event()
        self._unsettled = order.polls
        self._all_settled = asyncio.Event()
        self._leaving = False

    def failed(self, complaint: str) -> None:
        self.tally.failed(complaint)
        self._everybody.set()

    def settled(self) -> None:
        """Count a poll whose first question was answered."""
        self._unsettled -= 1
        if not self._unsettled:
            self._all_settled.set()

    def lost(self, error: Exception | None) -> None:
        if not self._leaving:
            self.failed(f"a connection was lost: {error!r}")

    def received(self, poll: Poll, body: bytes) -> None:
        if poll not in self._waiting or body.count(b"\n") != 1 or self._key not in body:
            self.failed(f"a record that was not waited for: {body[:200]!r}")
            return
        self._waiting.remove(poll)
        self.tally.checked += 1
        self.tally.stored(1)
        if not self._waiting:
            self._everybody.set()

    async def open(self) -> float:
        """Open every connection and let each wait; return how long that took."""
        order, loop, begun = self.order, asyncio.get_running_loop(), time.perf_counter()
        for start in range(0, order.polls, OPENED_AT_ONCE):
            numbers = range(start, min(start + OPENED_AT_ONCE, order.polls))
            places = [number % len(order.asks) for number in numbers]
            polls = [Poll(self, order.asks[place], order.of[place]) for place in places]
            self.polls += polls
            await asyncio.gather(
                *(
                    loop.create_connection(lambda poll=poll: poll, order.host, order.port)  # type: ignore[misc]
                    for poll in polls
                )
            )
        async with asyncio.timeout(SETTLING_SECONDS):
            await self._all_settled.wait()
        return time.perf_counter() - begun

    async def round(self, number: int) -> tuple[float, float]:
        """Publish one record; return the seconds to its receipt, and to the last poll's answer."""
        place = number % len(self.order.resources)
        self._waiting = {poll for poll in self.polls if poll.resource == place}
        self._key = str(records.record(number)[records.KEY]).encode()
        self._everybody.clear()
        begun = time.perf_counter()
        await publish(self.order, self.order.resources[place], number)
        acknowledged = time.perf_counter() - begun
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._everybody.wait()
        except TimeoutError:
            self.tally.failed(f"{len(self._waiting)} polls did not hear of round {number}")
        return acknowledged, time.perf_counter() - begun

    def leave(self) -> None:
        self._leaving = True
        for poll in self.polls:
            poll.close()


async def publish(order: Order, resource: str, number: int) -> None:
    """Publish one record on a connection of its own; ValueError unless it is accepted."""
    body = records.line(number)
    head = (
        f"POST /v1/resources/{resource}/records HTTP/1.1\r\nHost: {order.host}\r\n"
        f"Authorization: Bearer {order.publisher_token}\r\nConnection: close\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(order.host, order.port)
    try:
        writer.write(head.encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    if int(answer[STATUS]) != CREATED:
        raise ValueError(f"publish: {answer[:300]!r}")


async def run(order: Order) -> None:
    """Open, stay idle for a while, publish round after round, tell what came."""
    hall = Hall(order)
    opened = await hall.open()
    tell(OPENED, {"seconds": opened})
    # The last polls sent are on their way to where they wait.
    await asyncio.sleep(order.settle_seconds)
    hall.tally.open_window()
    tell(BEGIN)
    await asyncio.sleep(order.idle_seconds)
    tell(END, hall.tally.close_window())
    rounds = []
    for number in range(order.rounds):
        rounds.append(await hall.round(number))
        tell(ROUND, {"number": number, "seconds": rounds[-1][1]})
        await asyncio.sleep(order.settle_seconds)
    hall.leave()
    hall.tally.facts |= {"open_seconds": opened, **_facts(rounds)}
    tell(DONE, hall.tally.total())


def _facts(rounds: Sequence[tuple[float, float]]) -> dict[str, float]:
    receipts = sorted(acknowledged for acknowledged, _last in rounds)
    lasts = sorted(last for _acknowledged, last in rounds)
    return {
        "receipt_p50_ms": percentile(receipts, 0.5) * 1000,
        "last_p50_ms": percentile(lasts, 0.5) * 1000,
        "last_max_ms": max(lasts, default=0.0) * 1000,
    }


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    uvloop.run(run(order))


if __name__ == "__main__":
    main()
