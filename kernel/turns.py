"""Heavy work in turns of about a millisecond, so that nobody waits long for the event loop (P9)."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Generator, Hashable
from time import perf_counter, thread_time
from typing import TypeAlias, TypeVar

TURN_SECONDS = 0.001
# A caller's work that has used more CPU than this is large; 10,000 usual records have not.
LARGE_SECONDS = 0.02
# Of the time, what large work may have while others use the loop: one part of so many.
LARGE_PARTS = 8
# Others use the loop if a round in which this line had no turn took so long, at most so long ago; a
# round in which nobody has anything to do takes 20 µs.
OTHERS_SECONDS, LATELY_SECONDS = 0.0001, 0.02

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


class _Line:
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

    def __bool__(self) -> bool:
        return bool(self._turns)


class FairScheduler:
    """One worker's heavy work: one piece of it between two rounds of the loop (ADR 0015).

    Callers take turns, however much each has asked for. What became large has an eighth of the time
    while others use the loop, else all: a small request needs some rounds of the loop, and would
    wait for a turn in each of them.
    """

    def __init__(self) -> None:
        self._light, self._large = _Line(), _Line()
        self._taken = False
        self._ended_at = self._others_until = self._rests_until = 0.0
        self._rest: asyncio.TimerHandle | None = None

    async def finish(self, steps: Steps[Result], caller: Hashable = None) -> Result:
        """Do the steps in turns with others; raises what they raise.

        `caller` is whom they are done for. Without one they are the worker's own: never large.
        """
        who, used = object() if caller is None else caller, 0.0
        is_large = was_large = False
        while True:
            await self._turn(who, is_large=is_large, goes_on=was_large)
            was_large, began = is_large, thread_time()
            ends_at = perf_counter() + TURN_SECONDS
            try:
                while perf_counter() < ends_at:
                    next(steps)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            finally:
                spent = thread_time() - began
                self._pass_on(spent if is_large else 0.0)
            used += spent
            is_large = caller is not None and used > LARGE_SECONDS

    async def _turn(self, who: Hashable, *, is_large: bool, goes_on: bool) -> None:
        """Wait for a turn; large work that goes on comes before what else its caller has there."""
        if not self._taken:
            self._taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        (self._large if is_large else self._light).add(who, turn, first=goes_on)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._pass_on(0.0)
            raise

    def _pass_on(self, spent_on_large: float) -> None:
        """Let the next one have a turn once everybody else had a round of the loop."""
        self._ended_at = perf_counter()
        asyncio.get_running_loop().call_soon(self._look, spent_on_large)

    def _look(self, spent_on_large: float) -> None:
        """Give the next turn away; large work rests first if others had something to do."""
        now = perf_counter()
        if self._light or now - self._ended_at > OTHERS_SECONDS:
            self._others_until = now + LATELY_SECONDS
        if spent_on_large and now < self._others_until:
            self._rests_until = now + spent_on_large * (LARGE_PARTS - 1)
        self._taken = False
        self._give(now)

    def _give(self, now: float) -> None:
        turn = self._large.next() if now >= self._rests_until else None
        turn = turn or self._light.next()
        if turn is not None:
            self._taken = True
            turn.set_result(None)
        elif self._large:
            self._rest_for(self._rests_until - now)

    def _rest_for(self, seconds: float) -> None:
        if self._rest is None:
            self._rest = asyncio.get_running_loop().call_later(seconds, self._rested)

    def _rested(self) -> None:
        self._rest = None
        if not self._taken:
            self._give(perf_counter())
