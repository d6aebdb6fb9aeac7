"""Thousands of open long polls of one process: what they cost, and how soon news reaches the last.

Run by the soak with an order on standard input. Every poll goes on with the cursor that it was
given, so that each record must come to each exactly once.
"""

import asyncio
import re
import sys
import time
from collections.abc import Sequence

import httpx
import msgspec
import uvloop

from loadtests import records
from loadtests.generator import OK, RETRY_AFTER, STATUS, Answers, address
from loadtests.pages import NDJSON, Page
from loadtests.stage import PAGE
from loadtests.statistics import percentile
from loadtests.tally import BEGIN, DONE, END, Tally, tell

CURSOR = re.compile(rb"\r\nexchange-next-cursor: *(\S+)", re.IGNORECASE)
UNAVAILABLE, RETRY_SECONDS = 503, 1.0
# Connections are opened so many at a time: the backlog of a listening socket is bounded.
OPENED_AT_ONCE = 200
PATIENCE_SECONDS = 60.0
SETTLING_SECONDS = 300.0


class Ask(msgspec.Struct):
    """A page from a cursor on, asked for with the token at a place; `of` is its resource's."""

    subscription: str
    token: int
    cursor: str
    of: int


class Order(msgspec.Struct):
    """`polls` connections share the `asks` out.

    After an idle time `rounds` records are published one by one, into the resources in turn, each
    when the one before has reached everybody and `settle_seconds` have passed.
    """

    base_url: str
    tokens: list[str]
    asks: list[Ask]
    polls: int
    wait_seconds: int
    idle_seconds: float
    publisher_token: str
    resources: list[str]
    rounds: int
    settle_seconds: float


class Poll(Answers):
    """One connection that always has a poll open; tells its hall of every record."""

    def __init__(self, hall: "Hall", ask: Ask) -> None:
        super().__init__()
        self.of = ask.of
        self._answers = 0
        self._hall, self._ask_for, self._cursor = hall, ask, ask.cursor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._ask()

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        order, ask = self._hall.order, self._ask_for
        # The first one is answered at once: then whatever it needs is loaded.
        wait = f"&wait={order.wait_seconds}" if self._answers else ""
        query = f"limit={PAGE}&cursor={self._cursor}{wait}"
        page = Page(f"/v1/subscriptions/{ask.subscription}/records?{query}", 0, token=ask.token)
        self._transport.write(page.request(self._hall.address[0], order.tokens))

    def answered(self, answer: bytes, head_end: int) -> None:
        if int(answer[STATUS]) == UNAVAILABLE and RETRY_AFTER.search(answer, 0, head_end):
            # A worker that is short of time cannot confirm its rules, and says so.
            self._hall.tally.refused()
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._ask)
            return
        cursor = CURSOR.search(answer, 0, head_end)
        if int(answer[STATUS]) != OK or cursor is None:
            self._hall.failed(f"long poll: {answer[:300]!r}")
            return
        self._answers += 1
        if self._answers == 1:
            self._hall.settled()
        self._cursor = cursor[1].decode()
        if body := answer[head_end:]:
            self._hall.received(self, body)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hall.lost(exc)

    def close(self) -> None:
        self._transport.close()


class Hall:
    """All polls, and the record that they wait for."""

    def __init__(self, order: Order) -> None:
        self.order, self.address = order, address(order.base_url)
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
        self.tally.checked(1)
        self.tally.stored(1)
        if not self._waiting:
            self._everybody.set()

    async def open(self) -> float:
        """Open every connection and let each wait; return how long that took."""
        order, begun = self.order, time.perf_counter()
        for start in range(0, order.polls, OPENED_AT_ONCE):
            numbers = range(start, min(start + OPENED_AT_ONCE, order.polls))
            polls = [Poll(self, order.asks[number % len(order.asks)]) for number in numbers]
            self.polls += polls
            await asyncio.gather(*(poll.connect(*self.address) for poll in polls))
        async with asyncio.timeout(SETTLING_SECONDS):
            await self._all_settled.wait()
        return time.perf_counter() - begun

    async def round(self, number: int) -> tuple[float, float]:
        """Publish one record; return the seconds to its receipt, and to the last poll's answer."""
        place = number % len(self.order.resources)
        self._waiting = {poll for poll in self.polls if poll.of == place}
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
    """Publish one record on a connection of its own."""
    token = {"Authorization": f"Bearer {order.publisher_token}"}
    headers, url = token | NDJSON, f"{order.base_url}/v1/resources/{resource}/records"
    async with httpx.AsyncClient(headers=headers, verify=False) as http:  # noqa: S501 - no TLS
        (await http.post(url, content=records.line(number))).raise_for_status()


async def run(order: Order) -> None:
    """Open, stay idle for a while, publish round after round, tell what came."""
    hall = Hall(order)
    opened = await hall.open()
    # The last polls sent are on their way to where they wait.
    await asyncio.sleep(order.settle_seconds)
    hall.tally.open_window()
    tell(BEGIN)
    await asyncio.sleep(order.idle_seconds)
    tell(END, hall.tally.close_window())
    rounds = []
    for number in range(order.rounds):
        rounds.append(await hall.round(number))
        await asyncio.sleep(order.settle_seconds)
    hall.leave()
    hall.tally.facts.update({"open_seconds": opened, **_facts(rounds)})
    tell(DONE, hall.tally.total())


def _facts(rounds: Sequence[tuple[float, float]]) -> dict[str, float]:
    receipts, lasts = ([each[place] for each in rounds] for place in (0, 1))
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
