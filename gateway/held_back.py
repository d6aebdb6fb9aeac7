"""Refusals of who asks too often leave slowly: not to heed Retry-After gains nothing (ADR 0015)."""

import asyncio
from typing import Final

from kernel.bounded import Bounded
from kernel.clock import monotonic

LEAST_SECONDS: Final = 0.1
MOST_SECONDS: Final = 2.0
# Of one caller or address, however many connections it opens.
PER_SECOND: Final = 20.0
# Whoever waits costs memory: so many wait at once on a worker, the others leave at once.
HELD_MAX: Final = 1_000
REMEMBERED_MAX: Final = 20_000


class HeldBack:
    """One worker's refusals that wait for their turn, each in the line of its caller."""

    def __init__(self) -> None:
        self.held = 0
        self._due = Bounded[str, float](REMEMBERED_MAX)

    async def wait(self, who: str) -> None:
        """Let a refusal of a caller or an address wait, MOST_SECONDS at most."""
        if self.held >= HELD_MAX:
            return
        self.held += 1
        try:
            await asyncio.sleep(self._turn(who))
        finally:
            self.held -= 1

    def _turn(self, who: str) -> float:
        """Return in how many seconds the next refusal of a caller leaves."""
        now = monotonic()
        due = max(now + LEAST_SECONDS, self._due.get(who, 0.0) + 1 / PER_SECOND)
        due = min(due, now + MOST_SECONDS)
        self._due.put(who, due)
        return due - now
