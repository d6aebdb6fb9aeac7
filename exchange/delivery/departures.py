"""Departures: when a worker last let something of a subscription leave, reported when it stops."""

import asyncio
import logging

from exchange.subscriptions import stops
from kernel import clock
from kernel.bounded import Bounded
from kernel.changes import ChangeFeed
from kernel.database import Database, is_passing

log = logging.getLogger(__name__)

KEPT_MAX = 20_000
RETRY_SECONDS = 0.5


class Departures:
    """One worker's; it reports whatever stop it hears of, also of what it never delivered."""

    def __init__(self, database: Database, changes: ChangeFeed) -> None:
        self._database = database
        self._changes = changes
        self._last = Bounded[str, float](KEPT_MAX)
        self._unreported: dict[str, float | None] = {}
        self._heard = asyncio.Event()

    def left(self, subscription_id: str) -> None:
        """Something may leave at this moment."""
        self._last.put(subscription_id, clock.epoch())

    def changed(self, subscription_id: str) -> None:
        """A rule of the subscription changed, and what it allowed has ended: maybe a stop."""
        self._unreported[subscription_id] = self._last.get(subscription_id)
        self._heard.set()

    async def run(self) -> None:
        """Report for ever what was heard of."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            if not await self._report():
                await asyncio.sleep(RETRY_SECONDS)

    async def _report(self) -> bool:
        """Whether all that was heard of is reported; a worker without a life has nothing to say."""
        reporting, self._unreported = self._unreported, {}
        life = self._changes.life
        if life is None:
            return True
        try:
            async with self._database.single() as connection:
                await stops.report(connection, life, reporting)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("stops are not reported yet: %r", error)
            self._unreported = reporting | self._unreported
            self._heard.set()
            return False
        return True
