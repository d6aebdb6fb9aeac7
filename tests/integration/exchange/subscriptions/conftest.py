"""What these stories put into the outbox stays there; the session's worker would relay it."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Endpoints
from kernel.database import Database
from tests.support.databases import own_database


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=60) as opened:
        yield opened
