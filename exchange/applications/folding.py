"""Agreeing to a filter on an item that is not of the key, once the latest state is complete."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from exchange.latest import store as folds
from exchange.latest.errors import StateIncomplete
from kernel import clock
from kernel.database import Database, WriteSession

WAIT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1
Result = TypeVar("Result")


async def when_folded(
    database: Database, work: Callable[[WriteSession], Awaitable[Result]]
) -> Result:
    """Do the work in a transaction; where it needs a state that is incomplete, let that be folded.

    The folding of most resources is done within moments and waited for. Raises StateIncomplete
    where it takes longer or can never be complete, and what the work raises.
    """
    try:
        async with database.transaction() as session:
            return await work(session)
    except StateIncomplete as error:
        async with database.transaction() as session:
            await folds.ask(session, [error.resource_id], clock.now())
        if not error.passing or not await _folded(database, error.resource_id):
            raise
    async with database.transaction() as session:
        return await work(session)


async def _folded(database: Database, resource_id: str) -> bool:
    """Whether the latest state is complete within some seconds."""
    deadline = clock.monotonic() + WAIT_SECONDS
    while clock.monotonic() < deadline:
        async with database.reading() as session:
            if (await folds.progress(session, resource_id)).complete:
                return True
        await asyncio.sleep(LOOK_SECONDS)
    return False
