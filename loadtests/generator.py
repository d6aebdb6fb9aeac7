"""A small load generator of its own process, for where Locust itself would be the limit.

Keep-alive HTTP/1.1 on uvloop, one request under way per connection, bodies ready as bytes, every
answer checked. Run by the benchmark with an order on standard input. Callers ask again as soon as
they have an answer, or (with a rate) whenever a request is due, answered or not the one before.
"""

import asyncio
import os
import re
import sys
import time
from collections import deque
from typing import cast

import msgspec
import uvloop

from loadtests.tally import BEGIN, DONE, END, Tally, tell
from loadtests.workloads import Work, Workload, workload

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
STATUS = slice(9, 12)
READ_BYTES = 1024 * 1024
NICENESS = 15
# A run whose last answers do not come is a failed run.
PATIENCE_SECONDS = 30.0


class Order(msgspec.Struct):
    """`requests` ends the run after so many, 0 means when the seconds are over.

    `rate` is in requests a second, 0 means as fast as the answers come. A generator that `yields`
    leaves the processor to everybody else: in earnest it has a machine of its own.
    """

    host: str
    port: int
    token: str
    callers: int
    warm_up_seconds: float
    seconds: float
    work: Work
    requests: int = 0
    rate: float = 0.0
    yields: bool = False


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

    def stop(self) -> None:
        self._left = 0


class Paced(Turns):
    """Requests come when they are due; one that finds no free caller waits, and its wait counts."""

    def __init__(self, rate: float) -> None:
        super().__init__(0)
        self._pause = 1 / rate
        self._free: deque[Caller] = deque()
        self._due: deque[float] = deque()
        self._stopped = False

    def next(self, caller: "Caller") -> None:
        if self._stopped:
            caller.leave()
        elif self._due:
            caller.ask(self._due.popleft())
        else:
            self._free.append(caller)

    async def run(self) -> None:
        """Make requests due until it is stopped; never two late ones for one."""
        due_at = time.perf_counter()
        while not self._stopped:
            due_at += self._pause
            await asyncio.sleep(due_at - time.perf_counter())
            # What this process itself comes late is not the exchange's delay.
            now = time.perf_counter()
            if self._free:
                self._free.popleft().ask(now)
            else:
                self._due.append(now)

    def stop(self) -> None:
        self._stopped = True
        while self._free:
            self._free.popleft().leave()


class Caller(asyncio.Protocol):
    """One connection: asks, takes the whole answer, asks again until it is told to stop."""

    def __init__(self, number: int, work: Workload, tally: Tally, turns: Turns) -> None:
        self.idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number = number
        self._work = work
        self._tally = tally
        self._turns = turns
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0
        self._body_at = 0
        self._asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass
        self._ask()

    def _ask(self) -> None:
        self._turns.next(self)

    def ask(self, since: float) -> None:
        """Send the next request; its latency counts from `since`."""
        self._parts.clear()
        self._have = self._need = 0
        self._asked_at = since
        self._transport.write(self._work.ask(self._number))

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._have += len(data)
        if not self._need:
            self._read_head()
        if self._need and self._have >= self._need:
            self._settle(b"".join(self._parts))

    def _read_head(self) -> None:
        head = b"".join(self._parts)
        end = head.find(HEAD_END)
        if end < 0:
            return
        found = LENGTH.search(head, 0, end)
        if found is None:
            self._tally.failed(f"an answer without length: {head[:200]!r}")
            self.leave()
            return
        self._body_at = end + len(HEAD_END)
        self._need = self._body_at + int(found[1])

    def _settle(self, answer: bytes) -> None:
        seconds = time.perf_counter() - self._asked_at
        try:
            status, body = int(answer[STATUS]), answer[self._body_at :]
            self._tally.answered(self._work.answered(self._number, status, body), seconds)
        except (ValueError, msgspec.MsgspecError) as error:
            self._tally.failed(str(error))
        self._ask()

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
    tally = Tally()
    turns = Paced(order.rate) if order.rate else Turns(order.requests)
    work = workload(order.work, f"{order.host}:{order.port}", order.token, order.callers, tally)
    loop = asyncio.get_running_loop()
    callers = []
    for number in range(order.callers):
        _, caller = await loop.create_connection(
            lambda number=number: Caller(number, work, tally, turns),  # type: ignore[misc]
            order.host,
            order.port,
        )
        callers.append(caller)
    pacing = asyncio.create_task(turns.run()) if isinstance(turns, Paced) else None
    await asyncio.sleep(order.warm_up_seconds)
    tally.open_window()
    tell(BEGIN)
    idle = [caller.idle for caller in callers]
    await asyncio.wait(idle, timeout=order.seconds)
    tell(END, tally.close_window())
    turns.stop()
    if pacing:
        await pacing
    await asyncio.wait(idle, timeout=PATIENCE_SECONDS)
    for caller in callers:
        if not caller.idle.done():
            tally.failed(f"no answer within {PATIENCE_SECONDS:.0f} s")
    tell(DONE, tally.total())


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    if order.yields:
        os.nice(NICENESS)
    uvloop.run(run(order))


if __name__ == "__main__":
    main()
