"""A database of the demo's own beside the platform's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from deploy.local.databases import drop_database
from kernel.database_access import DatabaseAccess
from shuyuan_client.failures import Failure

TIMEOUT_SECONDS = 30


@asynccontextmanager
async def scratch(
    original: DatabaseAccess, name: str, lacking: Failure
) -> AsyncIterator[tuple[DatabaseAccess, asyncpg.Connection, asyncpg.Connection]]:
    """Make an empty database, dropped afterwards; yields where, a connection, the platform's own.

    Raises `lacking` where the account may make none.
    """
    place = original.named(name)
    live = await original.connect(timeout=TIMEOUT_SECONDS)
    try:
        try:
            await drop_database(live, name)
            await live.execute(f"CREATE DATABASE {name}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise lacking from error
        made = await place.connect(timeout=TIMEOUT_SECONDS)
        try:
            yield place, made, live
        finally:
            await made.close()
            await drop_database(live, name)
    finally:
        await live.close()
