"""Turns at something scarce: known people first, then strangers, one source after the other."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel.errors import Unavailable

Turns = deque["asyncio.Future[None]"]


class FairQueue:
    """Lets `at_once` work side by side; each kind of waiter is bounded for itself.

    However many strangers come, a known person waits for the turns that run and for other known
    people only, and a stranger of another source for one turn of each source.
    """

    def __init__(self, at_once: int, *, known_max: int, strangers_max: int, each_max: int) -> None:
        self._free = at_once
        self._known_max, self._strangers_max = known_max, strangers_max
        self._each_max = each_max
        self._known: Turns = deque()
        self._strangers: dict[str, Turns] = {}

    @asynccontextmanager
    async def turn(self, source: str | None) -> AsyncIterator[None]:
        """Wait for a turn, as a known person without `source`; raises Unavailable when full."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(source)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, source: str | None) -> None:
        place = asyncio.get_running_loop().create_future()
        waiting = self._room(source)
        waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._pass_on()
            else:
                waiting.remove(place)
                self._tidy(source)
            raise

    def _room(self, source: str | None) -> Turns:
        if source is None:
            full, waiting = len(self._known) >= self._known_max, self._known
        else:
            waiting = self._strangers.get(source) or deque()
            strangers = sum(len(each) for each in self._strangers.values())
            full = len(waiting) >= self._each_max or strangers >= self._strangers_max
        if full:
            raise Unavailable(
                "登录请求过多，请稍后再试", "Too many sign-ins at once; try again later"
            )
        if source is not None:
            self._strangers[source] = waiting
        return waiting

    def _tidy(self, source: str | None) -> None:
        if source is not None and not self._strangers.get(source, True):
            del self._strangers[source]

    def _pass_on(self) -> None:
        """Give the turn to the next who still waits, or keep it for whoever comes."""
        while (place := self._next()) is not None:
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _next(self) -> "asyncio.Future[None] | None":
        if self._known:
            return self._known.popleft()
        if not self._strangers:
            return None
        source = next(iter(self._strangers))
        waiting = self._strangers.pop(source)
        place = waiting.popleft()
        if waiting:
            # Behind every other source.
            self._strangers[source] = waiting
        return place
