"""A department's tables, and a sharing of the usual three items."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.stack import Endpoints
from tests.support.tables import Tables
from tests.support.world import Sharing, World


@pytest.fixture
async def tables(endpoints: Endpoints, tmp_path: Path) -> AsyncIterator[Tables]:
    """Tables that are gone after the test."""
    url = endpoints.database_url.replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    made = Tables(url, tmp_path, connection)
    await connection.execute(f"CREATE SCHEMA {made.schema}")
    yield made
    await connection.execute(f"DROP SCHEMA {made.schema} CASCADE")
    await connection.close()


@pytest.fixture
async def sharing(world: World) -> Sharing:
    return await world.sharing()
