"""What an error of the database may say, and which errors pass."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from deploy.local.stack import Endpoints
from kernel.database import Database, is_passing
from kernel.ids import new_id
from tests.support.databases import connected

SECRET = "argon2id-of-somebody"
HOLDING = "CREATE TEMP TABLE held (name text NOT NULL, secret text)"
ADDING = "INSERT INTO held (name, secret) VALUES (NULL, :secret)"


async def test_no_error_shows_the_values_of_a_statement(database: Database) -> None:
    """A lost connection in a password change wrote the hash into the log (I7)."""
    with pytest.raises(DBAPIError) as caught:
        await _fail(database)
    error = caught.value
    assert error.orig is not None
    shown = f"{error!s} {error!r} {error.orig!s} {error.orig.__cause__!s}"
    assert "not-null" in shown
    assert SECRET not in shown
    assert "Failing row" not in shown


async def _fail(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text(HOLDING))
        await session.execute(text(ADDING).bindparams(secret=SECRET))


async def test_a_plan_that_a_migration_outdated_is_tried_again(endpoints: Endpoints) -> None:
    """ALTER COLUMN … TYPE under load answered one 500 a connection (I9)."""
    table = f"t_{new_id()}"
    database = Database(endpoints.database_url, pool_size=1)
    async with connected(endpoints.database_url) as migration:
        await migration.execute(f"CREATE TABLE {table} (value int)")
        await _ask(database, table)
        await migration.execute(f"ALTER TABLE {table} ALTER COLUMN value TYPE bigint")
        with pytest.raises(DBAPIError, match="cached statement plan") as caught:
            await _ask(database, table)
        assert is_passing(caught.value)
        await _ask(database, table)
        await migration.execute(f"DROP TABLE {table}")
    await database.close()


async def _ask(database: Database, table: str) -> None:
    async with database.reading() as session:
        await session.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - a name of our own
