"""Heavy work in turns of about a millisecond, so that nobody waits long for the event loop (P9)."""

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import TypeAlias, TypeVar

TURN_SECONDS = 0.001

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


class FairScheduler:
    """One worker's heavy work: one piece of it between two rounds of the loop, whoever asks.

    Who waits takes its turn in the order of asking; large work comes back in line.
    """

    def __init__(self) -> None:
        self._line = asyncio.Lock()

    async def finish(self, steps: Steps[Result]) -> Result:
        """Do the steps in turns with others; raises what they raise."""
        while True:
            async with self._line:
                ends_at = perf_counter() + TURN_SECONDS
                try:
                    while perf_counter() < ends_at:
                        next(steps)
                except StopIteration as done:
                    return done.value  # type: ignore[no-any-return]
                finally:
                    # The line moves on only after everybody else had a round of the loop.
                    await asyncio.sleep(0)
