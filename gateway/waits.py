"""Requests that wait for news of a kind: bounded in number, and woken by the change feed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Waiting requests of one worker; whoever comes beyond is answered at once.
WAITING_MAX: Final = 2_000


class Waits:
    """Who waits for which key in this worker."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._number = 0

    @property
    def full(self) -> bool:
        return self._number >= WAITING_MAX

    @contextmanager
    def listening(self, key: str) -> Iterator[asyncio.Event]:
        """Yield what is set when there may be news of the key; begun before looking."""
        heard = asyncio.Event()
        self._waiting.setdefault(key, set()).add(heard)
        self._number += 1
        try:
            yield heard
        finally:
            self._number -= 1
            waiting = self._waiting[key]
            waiting.discard(heard)
            if not waiting:
                del self._waiting[key]

    def wake(self, key: str) -> None:
        for heard in self._waiting.get(key, ()):
            heard.set()

    def wake_all(self) -> None:
        for key in self._waiting:
            self.wake(key)
