"""A small load generator of its own process, for where Locust itself would be the limit.

Keep-alive HTTP/1.1 on uvloop, one request under way per connection, bodies ready as bytes, every
answer checked. Callers ask again as soon as they have an
answer, or (with a rate) whenever a request is due, answered or not the one before: its latency then
counts from the moment it was due, whoever kept it waiting.
"""

import asyncio
import itertools
import os
import re
import secrets
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec

from loadtests import records
from loadtests.pages import Book
from loadtests.tally import BEGIN, DONE, END, Tally, read_receipt, tell

CREATED, OK = 201, 200
BODIES_AT_MOST, BODY_RECORDS_AT_MOST = 2000, 20_000
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
STATUS = slice(9, 12)
NICENESS = 15
# A run whose last answers do not come is a failed run.
PATIENCE_SECONDS, STEP_SECONDS = 30.0, 0.05


class Publish(msgspec.Struct):
    """Batches of `records` each, into the resources in turn; `keyed` gives each its own key.

    As many callers as there are resources write to one each. `bodies` is how many differ.
    """

    resources: list[str]
    records: int
    keyed: bool = False
    bodies: int = 0

    def ready(self) -> list[bytes]:
        """Return the bodies that are sent in turn."""
        usual = min(BODIES_AT_MOST, max(1, BODY_RECORDS_AT_MOST // self.records))
        return records.bodies(self.records, self.bodies or usual)


class Pull(msgspec.Struct):
    """Pages of a book over and over, evenly shared out among the callers.

    With `in_turn` all callers take the next page of all, beginning with the one at `first`.
    """

    book: str
    in_turn: bool = False
    first: int = 0


Work = Publish | Pull


class Pace(msgspec.Struct, frozen=True):
    """How long one run warms up and is measured.

    `perf_records` are for Kafka's own producer, `pairs` for what is measured in pairs; `rate` is in
    requests a second, 0 means as fast as the answers come; who `yields` leaves the processor to
    everybody else: in earnest it has a machine of its own.
    """

    warm_up_seconds: float
    seconds: float
    perf_records: int = 0
    pairs: int = 1
    rate: float = 0.0
    yields: bool = False


class Order(msgspec.Struct):
    """`requests` ends the run after so many, 0 means when the pace's seconds are over.

    Pages name one of the `tokens` by its place.
    """

    base_url: str
    tokens: list[str]
    callers: int
    pace: Pace
    work: Work
    requests: int = 0


def address(base_url: str) -> tuple[str, int]:
    """Return host and port."""
    where = urlsplit(base_url)
    return str(where.hostname), where.port or 80


class Publishing:
    """`ask` returns the bytes of a caller's next request, `answered` how many records came.

    ValueError for an answer that is not as it must be.
    """

    def __init__(self, work: Publish, order: Order, tally: Tally) -> None:
        host, token = urlsplit(order.base_url).netloc, order.tokens[0]
        self._heads = [
            f"POST /v1/resources/{each}/records HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n".encode()
            for each in work.resources
        ]
        self._tails = [b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in work.ready()]
        self._run = secrets.token_hex(6) if work.keyed else ""
        self._places = list(range(order.callers))
        self._turns = itertools.count()
        self._work, self._tally = work, tally

    def ask(self, caller: int) -> bytes:
        turn, place = next(self._turns), self._places[caller]
        self._places[caller] += len(self._places)
        key = b"Idempotency-Key: %b-%d\r\n" % (self._run.encode(), turn) if self._run else b""
        return self._heads[place % len(self._heads)] + key + self._tails[turn % len(self._tails)]

    def answered(self, _caller: int, status: int, parts: Sequence[bytes]) -> int:
        body = b"".join(parts)
        if status != CREATED:
            raise ValueError(f"{status}: {body[:200]!r}")
        receipt = read_receipt(body)
        if receipt.accepted != self._work.records:
            raise ValueError(f"{receipt.accepted} of {self._work.records} accepted")
        self._tally.acknowledge(receipt.resource_id, receipt.positions)
        return receipt.accepted


class Pulling:
    """The same for pages, each of which must be that of the book."""

    def __init__(self, work: Pull, order: Order, tally: Tally) -> None:
        self._book, host = Book(Path(work.book)), urlsplit(order.base_url).netloc
        self._requests = [page.request(host, order.tokens) for page in self._book.pages]
        count = len(self._requests)
        # Callers begin evenly spread, each where another one was long ago.
        self._turns = [count * caller // order.callers for caller in range(order.callers)]
        self._next = itertools.count(work.first) if work.in_turn else None
        self._tally = tally

    def ask(self, caller: int) -> bytes:
        self._turns[caller] = next(self._next) if self._next else self._turns[caller] + 1
        return self._requests[self._turns[caller] % len(self._requests)]

    def answered(self, caller: int, status: int, parts: Sequence[bytes]) -> int:
        place = self._turns[caller] % len(self._requests)
        if status != OK:
            raise ValueError(f"{status}: {b''.join(parts)[:200]!r}")
        if not self._book.consists_of(place, parts):
            raise ValueError(f"page {place} is not the page of the log: {b''.join(parts)[:100]!r}")
        count = self._book.pages[place].count
        self._tally.checked(count)
        return count


class Turns:
    """Whose turn it is to ask, shared by all callers: everybody's, so many times."""

    def __init__(self, requests: int) -> None:
        self._left = requests or sys.maxsize

    def next(self, caller: "Caller") -> None:
        """Let a caller that has nothing to do ask, or leave."""
        self._left -= 1
        if self._left >= 0:
            caller.ask(time.perf_counter())
        else:
            caller.leave()

    async def run(self) -> None:
        """Have nothing to do: the answers make the pace."""

    def stop(self) -> None:
        self._left = 0


class Paced(Turns):
    """Requests come when they are due; one that finds no free caller waits, and its wait counts."""

    def __init__(self, rate: float) -> None:
        super().__init__(0)
        self._pause = 1 / rate
        self._free: deque[Caller] = deque()
        self._due: deque[float] = deque()

    def next(self, caller: "Caller") -> None:
        if not self._left:
            caller.leave()
        elif self._due:
            caller.ask(self._due.popleft())
        else:
            self._free.append(caller)

    async def run(self) -> None:
        """Make requests due until it is stopped; never two late ones for one."""
        due_at = time.perf_counter()
        while self._left:
            due_at += self._pause
            await asyncio.sleep(due_at - time.perf_counter())
            if self._free:
                self._free.popleft().ask(due_at)
            else:
                self._due.append(due_at)

    def stop(self) -> None:
        super().stop()
        while self._free:
            self._free.popleft().leave()


class Answers(asyncio.Protocol):
    """One connection that reads whole answers.

    `answered` gets head and body of each, the body in the parts in which it came: to put megabytes
    together costs more than to compare them.
    """

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._head = b""
        self._parts: list[bytes] = []
        self._missing = 0

    async def connect(self, host: str, port: int) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, host, port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        if self._parts:
            self._parts.append(data)
            self._missing -= len(data)
        else:
            self._begin(self._head + data)
        if self._parts and self._missing <= 0:
            head, parts = self._head, self._parts
            self._head, self._parts = b"", []
            self.answered(head, parts)

    def _begin(self, come: bytes) -> None:
        """Take what has come: a head that is not whole yet, or the head and the first part."""
        self._head, end, part = come.partition(HEAD_END)
        if end:
            found = LENGTH.search(self._head)
            self._missing = int(found[1] if found else 0) - len(part)
            self._parts = [part]

    def answered(self, head: bytes, parts: Sequence[bytes]) -> None:
        raise NotImplementedError


class Caller(Answers):
    """Asks, takes the whole answer, asks again until it is told to stop."""

    def __init__(self, number: int, work: Publishing | Pulling, tally: Tally, turns: Turns) -> None:
        super().__init__()
        self.idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number, self._work, self._tally, self._turns = number, work, tally, turns
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._turns.next(self)

    def ask(self, since: float) -> None:
        """Send the next request; its latency counts from `since`."""
        self._since = since
        self._transport.write(self._work.ask(self._number))

    def answered(self, head: bytes, parts: Sequence[bytes]) -> None:
        seconds = time.perf_counter() - self._since
        try:
            records = self._work.answered(self._number, int(head[STATUS]), parts)
            self._tally.answered(records, seconds)
        except (ValueError, msgspec.MsgspecError) as error:
            self._tally.failed(str(error))
        self._turns.next(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.idle.done():
            self._tally.failed(f"the connection was lost: {exc!r}")
            self.idle.set_result(None)

    def leave(self) -> None:
        if not self.idle.done():
            self.idle.set_result(None)
        self._transport.close()


async def run(order: Order) -> None:
    """Warm up, measure one window, let every caller get its last answer, tell what came."""
    tally, work, pace = Tally(), order.work, order.pace
    if pace.yields:
        os.nice(NICENESS)
    turns = Paced(pace.rate) if pace.rate else Turns(order.requests)
    load: Publishing | Pulling = (
        Publishing(work, order, tally) if isinstance(work, Publish) else Pulling(work, order, tally)
    )
    callers = [Caller(number, load, tally, turns) for number in range(order.callers)]
    for caller in callers:
        await caller.connect(*address(order.base_url))
    pacing = asyncio.create_task(turns.run())
    await asyncio.sleep(pace.warm_up_seconds)
    tally.open_window()
    tell(BEGIN)
    idle = [caller.idle for caller in callers]
    await asyncio.wait(idle, timeout=pace.seconds)
    await _something(tally, idle)
    tell(END, tally.close_window())
    turns.stop()
    await pacing
    _, waiting = await asyncio.wait(idle, timeout=PATIENCE_SECONDS)
    for _ in waiting:
        tally.failed(f"no answer within {PATIENCE_SECONDS:.0f} s")
    tell(DONE, tally.total())


async def _something(tally: Tally, idle: Sequence[asyncio.Future[None]]) -> None:
    """Keep the window open until it holds an answer: a busy machine may need longer."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not tally.latencies and time.monotonic() < until:
        if all(each.done() for each in idle):
            return
        await asyncio.sleep(STEP_SECONDS)
