"""So many at once and no more, and callers take turns however much each has asked for (P9)."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from kernel.turns import Line


class FairGate:
    """Lets `most` pass at once; of who waits the caller that has waited longest comes next."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting = Line()

    @asynccontextmanager
    async def passing(self, caller: Hashable = None) -> AsyncIterator[None]:
        """Wait for a place and hold it for the block; without a caller each is its own."""
        await self._enter(object() if caller is None else caller)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, caller: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(caller, place, first=False)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place on, or keep it free where nobody waits for it."""
        following = self._waiting.next()
        if following is None:
            self._free += 1
        else:
            following.set_result(None)
