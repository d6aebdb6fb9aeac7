"""Heavy work in turns of about a millisecond, so that nobody waits long for the event loop (P9)."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Generator, Hashable
from time import perf_counter, thread_time
from typing import TypeAlias, TypeVar

from kernel.bounded import Bounded

TURN_SECONDS = 0.001
# What a caller may use of heavy work before it is large: 10,000 usual records take less.
LARGE_SECONDS = 0.02
# Of the time, what large work may have while others ask, and what a caller is forgiven.
LARGE_PARTS = 8
# So long after it was asked for, a small request is answered.
LATELY_SECONDS = 0.05
CALLERS_MAX = 1_000

Result = TypeVar("Result")
Steps: TypeAlias = Generator[None, None, Result]
"""Work that yields where it may pause, every few hundred microseconds, and returns its result."""


def finished(steps: Steps[Result]) -> Result:
    """Do all the steps at once."""
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def done_within(steps: Steps[None], seconds: float) -> bool:
    """Do steps for so long at most; return whether they were all."""
    ends_at = perf_counter() + seconds
    try:
        while perf_counter() < ends_at:
            next(steps)
    except StopIteration:
        return True
    return False


async def unhurried(steps: Steps[Result]) -> Result:
    """Do rare steps by themselves, and let others have the loop about every millisecond."""
    while True:
        ends_at = perf_counter() + TURN_SECONDS
        try:
            while perf_counter() < ends_at:
                next(steps)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        await asyncio.sleep(0)


class Line:
    """Who waits for a turn: callers in turn, each with its own in the order of coming."""

    def __init__(self) -> None:
        self._turns: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    def add(self, caller: Hashable, turn: asyncio.Future[None], *, first: bool) -> None:
        """Let a turn wait, before or after the others of its caller."""
        own = self._turns.setdefault(caller, deque())
        if first:
            own.appendleft(turn)
        else:
            own.append(turn)

    def next(self) -> asyncio.Future[None] | None:
        """Take the turn whose caller has waited longest, None where nobody waits."""
        while self._turns:
            caller, own = self._turns.popitem(last=False)
            turn = own.popleft()
            if own:
                self._turns[caller] = own
            if not turn.done():
                return turn
        return None

    def first(self) -> Hashable | None:
        """Return whose turn is next, None where nobody waits."""
        return next(iter(self._turns), None)

    def __bool__(self) -> bool:
        return bool(self._turns)


class _Accounts:
    """What callers used: until when each would have to do nothing to have used its part."""

    def __init__(self) -> None:
        self._until = Bounded[Hashable, float](CALLERS_MAX)

    def add(self, caller: Hashable, seconds: float, now: float) -> None:
        until = max(self._until.get(caller, now), now)
        self._until.put(caller, until + seconds * LARGE_PARTS)

    def is_large(self, caller: Hashable, now: float) -> bool:
        return self._until.get(caller, now) - now > LARGE_SECONDS * LARGE_PARTS


class FairScheduler:
    """One worker's heavy work: one piece of it between two rounds of the loop (ADR 0015).

    Callers take turns, however much each has asked for. Who has used much lately has an eighth of
    the time while others ask, else all: a small request needs some rounds of the loop, and would
    wait for a turn in each of them.
    """

    def __init__(self) -> None:
        self._light, self._large, self._accounts = Line(), Line(), _Accounts()
        self._taken = False
        self._rests_until = 0.0
        self._rest: asyncio.TimerHandle | None = None
        # Who asked last and when, and who did before it.
        self._latest: tuple[Hashable, float] = (None, -LATELY_SECONDS)
        self._before: tuple[Hashable, float] = self._latest

    def asks(self, caller: Hashable) -> None:
        """Tell that a caller asks for something, however small: large work of others rests.

        Who is large already rests with them: departments that load at the same time share all of
        the time.
        """
        now = perf_counter()
        if self._accounts.is_large(caller, now):
            return
        if self._latest[0] != caller:
            self._before = self._latest
        self._latest = (caller, now)

    async def finish(self, steps: Steps[Result], caller: Hashable = None) -> Result:
        """Do the steps in turns with others; raises what they raise.

        `caller` is whom they are done for. Without one they are the worker's own: never large.
        """
        who = object() if caller is None else caller
        was_large = False
        while True:
            is_large = caller is not None and self._accounts.is_large(caller, perf_counter())
            await self._turn(who, is_large=is_large, goes_on=was_large)
            was_large, began = is_large, thread_time()
            ends_at = perf_counter() + TURN_SECONDS
            try:
                while perf_counter() < ends_at:
                    next(steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            finally:
                self._ended(caller, thread_time() - began, is_large=is_large)

    async def _turn(self, who: Hashable, *, is_large: bool, goes_on: bool) -> None:
        """Wait for a turn; large work that goes on comes before what else its caller has there."""
        if not self._taken and not is_large:
            self._taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        (self._large if is_large else self._light).add(who, turn, first=goes_on and is_large)
        if not self._taken:
            self._give()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._pass_on()
            raise

    def _ended(self, caller: Hashable, seconds: float, *, is_large: bool) -> None:
        now = perf_counter()
        if caller is not None:
            self._accounts.add(caller, seconds, now)
        if is_large:
            self._rests_until = now + seconds * (LARGE_PARTS - 1)
        self._pass_on()

    def _pass_on(self) -> None:
        """Let the next one have a turn once everybody else had a round of the loop."""
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._taken = False
        self._give()

    def _give(self) -> None:
        """Give the next turn away: to what is large once it has rested, or if it need not."""
        now = perf_counter()
        rests = now < self._rests_until and (bool(self._light) or self._others_ask(now))
        turn = None if rests else self._large.next()
        turn = turn or self._light.next()
        if turn is not None:
            self._taken = True
            turn.set_result(None)
        elif self._large and self._rest is None:
            loop = asyncio.get_running_loop()
            self._rest = loop.call_later(self._rests_until - now, self._rested)

    def _others_ask(self, now: float) -> bool:
        """Whether somebody else than the next with large work has asked lately."""
        caller, at = self._latest
        if caller == self._large.first():
            _caller, at = self._before
        return now - at < LATELY_SECONDS

    def _rested(self) -> None:
        self._rest = None
        if not self._taken:
            self._give()
