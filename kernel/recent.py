"""What is dear to find out: who asks while it is looked for, or soon after, is told the same."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from kernel.bounded import Bounded


class Dated(Protocol):
    """Something that was found out at a moment."""

    @property
    def at(self) -> datetime: ...


Found = TypeVar("Found", bound=Dated)


def is_within(length: timedelta, found: Dated, now: datetime) -> bool:
    """Whether it is no older than that; of a clock that was set back neither much younger."""
    return abs(now - found.at) < length


class Recent(Generic[Found]):
    """The last findings of at most `most` keys, each told again for `kept`; one looks at a time."""

    def __init__(self, kept: timedelta, most: int = 1) -> None:
        self._kept = kept
        self._last = Bounded[str, Found](most)
        self._looking = asyncio.Lock()

    def known(self, key: str) -> Found | None:
        """Return the last finding, however old."""
        return self._last.get(key)

    async def get(self, key: str, now: datetime, look: Callable[[], Awaitable[Found]]) -> Found:
        """Return a finding of at most `kept` before now; raises as `look` does."""
        async with self._looking:
            last = self._last.get(key)
            if last is None or not is_within(self._kept, last, now):
                last = await look()
                self._last.put(key, last)
            return last
