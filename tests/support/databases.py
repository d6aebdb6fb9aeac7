"""Databases of a test's own beside the session's, on the same server.

They are copies of one that was migrated once: to migrate each takes a hundred times as long.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.databases import drop_database
from deploy.migrations.run import upgrade
from kernel.database import Database
from kernel.ids import new_id


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


# The migrated database of each server, to which nobody is ever connected.
_migrated: dict[str, str] = {}
_migrating = asyncio.Lock()


@asynccontextmanager
async def new_database(server_url: str, *, copy_of: str = "") -> AsyncIterator[str]:
    """A migrated database, or the copy of one to which nobody is connected; its URL."""
    original = copy_of or await _migrated_at(server_url)
    name = f"test_{new_id()}"
    async with connected(server_url) as server:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {urlsplit(original).path[1:]}")
        try:
            if not copy_of:
                await _be_another_platform(_at(server_url, name))
            yield _at(server_url, name)
        finally:
            await drop_database(server, name)


async def _be_another_platform(url: str) -> None:
    """Give the copy a mark of its own in the log, and numbers of writers that nobody else has.

    All databases of a test run share one broker, where a writer ends another of the same number.
    """
    async with connected(url) as connection:
        await connection.execute("UPDATE kernel.landmark SET platform = gen_random_uuid()")
        await connection.execute("SELECT setval('kernel.life', $1)", 1 + secrets.randbelow(10**9))


def _at(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def _migrated_at(server_url: str) -> str:
    async with _migrating, connected(server_url) as server:
        if server_url not in _migrated:
            name = f"migrated_{new_id()}"
            await server.execute(f"CREATE DATABASE {name}")
            await asyncio.to_thread(upgrade, _at(server_url, name))
            _migrated[server_url] = _at(server_url, name)
        return _migrated[server_url]


async def forget_migrated(server_url: str) -> None:
    """Drop what copies were made of: the server may be one that stays."""
    if url := _migrated.pop(server_url, ""):
        async with connected(server_url) as server:
            await drop_database(server, urlsplit(url).path[1:])


@asynccontextmanager
async def own_database(server_url: str, pool_size: int) -> AsyncIterator[Database]:
    """A database at which no worker process works: nobody else relays, counts or minds clocks."""
    async with new_database(server_url) as url:
        opened = Database(url, pool_size=pool_size)
        yield opened
        await opened.close()
