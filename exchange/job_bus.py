"""A bus for one job of a worker: what a gateway worker holds for ever, opened and closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from exchange.bus import Bus
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.database_access import DatabaseAccess
from kernel.errors import Unavailable
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tasks import Loops

READY_SECONDS: Final = 10.0


@asynccontextmanager
async def job_bus(settings: Settings, database: Database, box: Secretbox) -> AsyncIterator[Bus]:
    """Open a bus whose rules are fresh and that has a life of its own; raises Unavailable."""
    changes = ChangeFeed(DatabaseAccess.of(settings), stale_seconds=settings.rules_stale_seconds)
    bus, loops, ready = Bus.open(settings, database, box, changes), Loops(), asyncio.Event()
    changes.on_reset(ready.set)
    loops.start("job-changes", changes.run)
    loops.start("job-counts", bus.counts.run)
    try:
        await _heard(ready)
        yield bus
    finally:
        await loops.close()
        await bus.close()


async def _heard(ready: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await ready.wait()
    except TimeoutError as error:
        raise Unavailable from error
