"""Identity on the real database, in this process: the same parts as a gateway worker has."""

from collections.abc import AsyncIterator

import pytest

from auth.tokens import TokenVerifier
from deploy.local.stack import Endpoints
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.settings import Settings
from tests.support import databases
from tests.support.registry import Registry, verifying


def _parsed(settings: dict[str, str]) -> Settings:
    named = {name: value for name, value in settings.items() if name.startswith("SHUYUAN_")}
    return Settings(**{name.removeprefix("SHUYUAN_").lower(): named[name] for name in named})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def parsed(settings: dict[str, str]) -> Settings:
    """The settings of the live gateway, whose database and master key the tests share."""
    return _parsed(settings)


@pytest.fixture(scope="session")
def registry(database: Database) -> Registry:
    return Registry(database)


@pytest.fixture
async def ear(
    database: Database, parsed: Settings
) -> AsyncIterator[tuple[TokenVerifier, ChangeFeed]]:
    async with verifying(database, parsed) as both:
        yield both


@pytest.fixture
def verifier(ear: tuple[TokenVerifier, ChangeFeed]) -> TokenVerifier:
    return ear[0]


@pytest.fixture
async def own_database(endpoints: Endpoints) -> AsyncIterator[Database]:
    """A database of the test's own: for what would end everybody else's tokens."""
    async with databases.own_database(endpoints.database_url, pool_size=8) as opened:
        yield opened


@pytest.fixture
def own_settings(settings: dict[str, str], own_database: Database) -> Settings:
    return _parsed({**settings, "SHUYUAN_DATABASE_URL": own_database.url})
