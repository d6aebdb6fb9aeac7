"""The demo's scratch databases are gone afterwards, whatever happened in them."""

from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.demo.scratch import scratch
from deploy.local.stack import Stack
from kernel.database_access import DatabaseAccess
from shuyuan_client.failures import Failure

NAME = "tests_of_scratch"
LACKING = Failure("当前账号无权建库", "grant CREATEDB")


async def names(server: asyncpg.Connection) -> set[str]:
    return {row[0] for row in await server.fetch("SELECT datname FROM pg_database")}


async def fail_within(original: DatabaseAccess) -> None:
    async with scratch(original, NAME, LACKING) as (place, made, live):
        assert await made.fetchval("SELECT current_database()") == NAME
        assert urlsplit(place.url).path == f"/{NAME}"
        assert NAME in await names(live)
        raise ZeroDivisionError


async def test_it_is_there_while_it_is_needed_and_dropped_though_the_work_failed(
    stack: Stack,
) -> None:
    original = DatabaseAccess(stack.endpoints.database_url)
    with pytest.raises(ZeroDivisionError):
        await fail_within(original)
    server = await original.connect()
    try:
        assert NAME not in await names(server)
    finally:
        await server.close()
