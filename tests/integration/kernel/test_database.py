"""What an error of the database may say, and which errors pass."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from deploy.local.stack import Endpoints
from kernel.database import Database, is_passing
from kernel.ids import new_id
from kernel.leaving import CHANGE, Change
from tests.support.databases import connected
from tests.support.eventually import eventually

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


async def test_a_change_has_begun_when_it_has_its_connection_and_not_before(
    endpoints: Endpoints,
) -> None:
    """Changes whose clients had left waited ten seconds for the pool, then went on (C25)."""
    database = Database(endpoints.database_url, pool_size=1)
    change = Change()
    CHANGE.set(change)
    async with database.reading() as session:
        await session.execute(text("SELECT 1"))
        dropped, patient = (asyncio.create_task(_change(database)) for _ in range(2))
        await eventually(lambda: _waiting(database) == 2)
        before = change.begun
        dropped.cancel()
    await patient
    assert (before, change.begun) == (False, True)
    with pytest.raises(asyncio.CancelledError):
        await dropped
    assert database.connections() == {"used": 0, "idle": 1, "allowed": 1}
    await database.close()


async def test_a_statement_that_is_a_transaction_of_its_own_begins_a_change(
    database: Database,
) -> None:
    change = Change()
    CHANGE.set(change)
    async with database.reading() as session:
        await session.execute(text("SELECT 1"))
    before = change.begun
    async with database.single() as connection:
        await connection.execute(text("SELECT 1"))
    assert (before, change.begun) == (False, True)


async def _change(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))


def _waiting(database: Database) -> int:
    """Return how many wait for a connection of the pool."""
    return len(database._engine.pool._pool._queue._getters)  # type: ignore[attr-defined]
