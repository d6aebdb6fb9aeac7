"""Databases of a test's own beside the session's, on the same server."""

import asyncio
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


@asynccontextmanager
async def new_database(server_url: str, *, copy_of: str = "") -> AsyncIterator[str]:
    """A migrated database, or the copy of one to which nobody is connected; its URL."""
    name = f"test_{new_id()}"
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    template = f" TEMPLATE {urlsplit(copy_of).path[1:]}" if copy_of else ""
    async with connected(server_url) as server:
        await server.execute(f"CREATE DATABASE {name}{template}")
        try:
            if not copy_of:
                await asyncio.to_thread(upgrade, url)
            yield url
        finally:
            await drop_database(server, name)


@asynccontextmanager
async def own_database(server_url: str, pool_size: int) -> AsyncIterator[Database]:
    """A database at which no worker process works: nobody else relays, counts or minds clocks."""
    async with new_database(server_url) as url:
        opened = Database(url, pool_size=pool_size)
        yield opened
        await opened.close()
