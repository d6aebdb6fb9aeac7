"""The clocks of these stories run in 2026; the session's worker would mind them by today's."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Endpoints
from kernel.database import Database
from tests.support.databases import own_database


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=60) as opened:
        yield opened
