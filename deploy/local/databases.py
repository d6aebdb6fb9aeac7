"""Dropping a scratch database, whatever PostgreSQL itself is doing in it."""

import asyncio

import asyncpg

TRIES = 40
BREATH_SECONDS = 0.25


async def drop_database(server: asyncpg.Connection, name: str) -> None:
    """Drop it with every session in it; raises asyncpg's error when that stays forbidden.

    An autovacuum worker belongs to the superuser: another role must wait until it has done.
    """
    for left in reversed(range(TRIES)):
        try:
            await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        except asyncpg.InsufficientPrivilegeError:
            if not left:
                raise
            await asyncio.sleep(BREATH_SECONDS)
        else:
            return
