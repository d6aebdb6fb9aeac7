"""What a page asks of an entry again and again is read once; who writes reads it anew."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, event, text

from catalog.store import resources as store
from kernel.database import Database, ReadSession
from tests.support.world import World


@contextmanager
def asked(connection: Connection) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: Connection, _u: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", note)


async def connection_of(session: ReadSession) -> Connection:
    connection = (await session.connection()).sync_connection
    assert connection is not None
    return connection


async def test_a_session_that_only_reads_asks_for_an_entry_once(
    world: World, database: Database
) -> None:
    """The page of an entry read it eight times, and its newest version seven times."""
    resource = await world.resource(await world.department())
    async with database.reading() as session:
        with asked(await connection_of(session)) as statements:
            entries = [await store.resource(session, resource) for _ in range(3)]
            rows = [await store.get(session, resource, 1) for _ in range(3)]
    assert len(statements) == 2, statements
    assert entries[0] is entries[2]
    assert rows[0] is rows[2]


async def test_a_version_that_was_listed_without_its_contract_is_read_whole(
    world: World, database: Database
) -> None:
    resource = await world.resource(await world.department())
    async with database.reading() as session:
        [listed] = await store.versions(session, resource)
        row = await store.get(session, resource, 1)
    assert row is listed
    assert row.contract


async def test_who_writes_reads_what_others_have_written_meanwhile(
    world: World, database: Database
) -> None:
    resource = await world.resource(await world.department())
    moved = text("UPDATE catalog.resource SET revision = revision + 1 WHERE id = :id")
    async with database.transaction() as session:
        before = await store.resource(session, resource)
        assert before is not None
        revision = before.revision
        async with database.transaction() as other:
            await other.execute(moved, {"id": resource})
        after = await store.resource(session, resource)
        assert after is not None
        assert after.revision == revision + 1
