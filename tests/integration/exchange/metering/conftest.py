"""A database whose subscriptions no running worker serves."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Endpoints
from kernel.database import Database
from tests.support.databases import own_database


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=12) as opened:
        yield opened
