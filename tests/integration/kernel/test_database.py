"""What an error of the database may say, and which errors pass."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import kernel.database
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


async def test_a_connection_whose_end_was_told_is_replaced(endpoints: Endpoints) -> None:
    """Nobody is refused for a restart of the database that is over."""
    database = Database(endpoints.database_url, pool_size=1)
    async with connected(endpoints.database_url) as other:
        for _ in range(3):
            async with database.reading() as session:
                pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await other.execute("SELECT pg_terminate_backend($1)", pid)
            await asyncio.sleep(0.2)
            assert await database.holds(text(f"SELECT pg_backend_pid() <> {pid}"))
    await database.close()


class Forgetful:
    """A firewall before the database: what it has forgotten is reset when it is used again."""

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self.forgets = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = self._behind
        back, ahead = await asyncio.open_connection(place.hostname, place.port)
        answers = asyncio.create_task(pass_on(back, writer))
        while (data := await reader.read(65536)) and not self.forgets:
            ahead.write(data)
        self.forgets = False
        answers.cancel()
        ahead.close()
        writer.transport.abort()

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user = self._behind.netloc.rpartition("@")[0]
        async with server:
            yield urlunsplit(self._behind._replace(netloc=f"{user}@127.0.0.1:{port}"))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, and its end."""
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def test_a_connection_that_has_rested_is_asked_before_it_is_used(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall drops what was idle and tells neither end (the first request after a night)."""
    firewall = Forgetful(endpoints.database_url)
    async with firewall.standing() as url:
        database = Database(url, pool_size=1)
        assert await database.holds(text("SELECT true"))
        firewall.forgets = True
        with pytest.raises(DBAPIError):
            await database.holds(text("SELECT true"))
        monkeypatch.setattr(kernel.database, "ASKED_AFTER_SECONDS", 0.0)
        assert await database.holds(text("SELECT true"))
        firewall.forgets = True
        assert await database.holds(text("SELECT true"))
        await database.close()


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
