"""A database whose outbox and counts no running worker empties."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Endpoints
from kernel.database import Database
from tests.support.databases import new_database


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with new_database(endpoints.database_url) as url:
        database = Database(url, pool_size=12)
        yield database
        await database.close()
