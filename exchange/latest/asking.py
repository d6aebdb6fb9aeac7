"""Whoever needs the latest state of a resource that is not folded has it folded from then on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exchange.latest import store
from exchange.latest.errors import StateIncomplete
from kernel import clock
from kernel.database import Database


@asynccontextmanager
async def asking(database: Database) -> AsyncIterator[None]:
    """Begin to fold what somebody found incomplete; the StateIncomplete goes on to the caller."""
    try:
        yield
    except StateIncomplete as error:
        async with database.transaction() as session:
            await store.ask(session, [error.resource_id], clock.now())
        raise
