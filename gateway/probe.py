"""What database and broker said last: however often a worker is probed, each is asked little."""

import asyncio
from collections.abc import Awaitable, Callable

from kernel.clock import monotonic

KEPT_SECONDS = 1.0

Answers = tuple[str, str]


class Probe:
    """Answers of the last second, or those that are being asked for."""

    def __init__(self) -> None:
        self._said: Answers | None = None
        self._said_at = 0.0
        self._asking = asyncio.Lock()

    async def answers(self, ask: Callable[[], Awaitable[Answers]]) -> Answers:
        """Return answers of at most a second ago, asking once for all that wait."""
        async with self._asking:
            if self._said is None or monotonic() - self._said_at > KEPT_SECONDS:
                self._said = await ask()
                self._said_at = monotonic()
            return self._said
