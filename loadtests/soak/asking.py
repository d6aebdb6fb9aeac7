"""Asks for many resources and subscriptions in turn: a generator of its own process.

Like `loadtests.generator`, whose connections it uses, with an order on standard input.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec
import uvloop

from loadtests import records
from loadtests.generator import PATIENCE_SECONDS, Caller, Turns
from loadtests.tally import BEGIN, DONE, END, Tally, read_receipt, tell
from loadtests.workloads import CREATED, OK, Workload

# A pause of the whole machine is not made up for with a burst.
LATE_SECONDS = 0.25
STEP_SECONDS = 0.05


class Feeding(msgspec.Struct, tag="feeding"):
    """Batches of `records` each, into the resources in turn; `bodies` is how many differ."""

    token: str
    resources: list[str]
    records: int
    bodies: int = 40


class Ask(msgspec.Struct, frozen=True):
    """One page of a subscription, asked for with the token at a place; no cursor is its start."""

    subscription: str
    token: int
    cursor: str = ""


class Reading(msgspec.Struct, tag="reading"):
    """Pages in turn, beginning with the one at `first`.

    Each must be `body`, or hold `limit` records where no body is given.
    """

    tokens: list[str]
    asks: list[Ask]
    limit: int
    body: str = ""
    first: int = 0


Work = Feeding | Reading


class Order(msgspec.Struct):
    """`requests` ends the run after so many, 0 means when the seconds are over.

    `per_second` holds all callers together to so many requests, sent whether or not the answers
    before them have come as long as a caller is free; 0 lets every caller ask as fast as it can.
    """

    host: str
    port: int
    callers: int
    warm_up_seconds: float
    seconds: float
    work: Work
    requests: int = 0
    per_second: float = 0.0


class Pacer:
    """Gives every request its moment; one that comes late is sent at once."""

    def __init__(self, per_second: float) -> None:
        self._step = 1 / per_second
        self._next = 0.0

    def moment(self, now: float) -> float:
        self._next = max(self._next + self._step, now - LATE_SECONDS)
        return self._next


class PacedCaller(Caller):
    def __init__(
        self, number: int, work: Workload, tally: Tally, turns: Turns, pacer: Pacer
    ) -> None:
        super().__init__(number, work, tally, turns)
        self._pacer = pacer

    def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(self._pacer.moment(loop.time()), super()._ask)


class Feeder:
    def __init__(self, work: Feeding, host: str, tally: Tally) -> None:
        bodies = records.bodies(work.records, work.bodies)
        self._heads = itertools.cycle(_heads(work, host))
        self._tails = itertools.cycle(
            [b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]
        )
        self._tally = tally
        self._records = work.records

    def ask(self, _caller: int) -> bytes:
        return next(self._heads) + next(self._tails)

    def answered(self, _caller: int, status: int, body: bytes) -> int:
        if status != CREATED:
            raise ValueError(f"{status}: {body[:200]!r}")
        receipt = read_receipt(body)
        if receipt.accepted != self._records:
            raise ValueError(f"{receipt.accepted} of {self._records} accepted")
        self._tally.acknowledge(receipt.resource_id, receipt.positions)
        return receipt.accepted


def _workload(work: Work, host: str, tally: Tally) -> Workload:
    return Feeder(work, host, tally) if isinstance(work, Feeding) else Reader(work, host, tally)


def _heads(work: Feeding, host: str) -> list[bytes]:
    return [
        f"POST /v1/resources/{resource}/records HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {work.token}\r\nContent-Type: application/x-ndjson\r\n".encode()
        for resource in work.resources
    ]


class Reader:
    def __init__(self, work: Reading, host: str, tally: Tally) -> None:
        requests = _requests(work, host)
        self._requests: Iterator[bytes] = itertools.islice(
            itertools.cycle(requests), work.first % len(requests), None
        )
        self._limit = work.limit
        self._body = work.body.encode()
        self._tally = tally

    def ask(self, _caller: int) -> bytes:
        return next(self._requests)

    def answered(self, _caller: int, status: int, body: bytes) -> int:
        if status != OK:
            raise ValueError(f"{status}: {body[:200]!r}")
        if self._body and body != self._body:
            raise ValueError(f"not the page of the log: {body[:200]!r}")
        count = self._limit if self._body else body.count(b"\n")
        if count != self._limit:
            raise ValueError(f"{count} of {self._limit} records")
        self._tally.checked += count
        return count


def _requests(work: Reading, host: str) -> Sequence[bytes]:
    return [
        f"GET {target(ask, work.limit)} HTTP/1.1\r\n"
        f"Host: {host}\r\nAuthorization: Bearer {work.tokens[ask.token]}\r\n\r\n".encode()
        for ask in work.asks
    ]


def target(ask: Ask, limit: int, wait_seconds: int = 0) -> str:
    """Return the path and query of a page."""
    query = f"limit={limit}"
    query += f"&cursor={ask.cursor}" if ask.cursor else ""
    query += f"&wait={wait_seconds}" if wait_seconds else ""
    return f"/v1/subscriptions/{ask.subscription}/records?{query}"


async def run(order: Order) -> None:
    """Warm up, measure one window, let every caller get its last answer, tell what came."""
    tally, turns = Tally(), Turns(order.requests)
    host = f"{order.host}:{order.port}"
    work = _workload(order.work, host, tally)
    pacer = Pacer(order.per_second) if order.per_second else None

    def caller(number: int) -> Caller:
        if pacer is None:
            return Caller(number, work, tally, turns)
        return PacedCaller(number, work, tally, turns, pacer)

    callers = [await _called(order, caller, number) for number in range(order.callers)]
    await asyncio.sleep(order.warm_up_seconds)
    tally.open_window()
    tell(BEGIN)
    idle = [each.idle for each in callers]
    await asyncio.wait(idle, timeout=order.seconds)
    await _something(tally, idle)
    tell(END, tally.close_window())
    turns.stop()
    await asyncio.wait(idle, timeout=PATIENCE_SECONDS)
    for each in callers:
        if not each.idle.done():
            tally.failed(f"no answer within {PATIENCE_SECONDS:.0f} s")
    tell(DONE, tally.total())


async def _something(tally: Tally, idle: Sequence[asyncio.Future[None]]) -> None:
    """Keep the window open until it holds an answer: a busy machine may need longer."""
    for _step in range(int(PATIENCE_SECONDS / STEP_SECONDS)):
        if tally.window.requests or all(each.done() for each in idle):
            return
        await asyncio.sleep(STEP_SECONDS)


async def _called(order: Order, caller: Callable[[int], Caller], number: int) -> Caller:
    loop = asyncio.get_running_loop()
    _, called = await loop.create_connection(lambda: caller(number), order.host, order.port)
    return called


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    uvloop.run(run(order))


if __name__ == "__main__":
    main()
