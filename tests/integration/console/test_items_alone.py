"""Pages that show the items of an entry ask for no more of it."""

from sqlalchemy import Connection, event

from auth.principal import Role
from catalog import versions
from gateway.api.entries import item_views, view
from kernel.database import Database
from tests.support.catalog import caller
from tests.support.world import World


async def test_items_alone_are_told_without_counting_who_uses_the_entry(
    world: World, database: Database
) -> None:
    """A subscription's page counted twice how the entry's 10,000 applications were answered."""
    department = await world.department()
    resource = await world.resource(department)
    asked: list[str] = []

    def note(_c: Connection, _u: object, statement: str, *_: object) -> None:
        asked.append(statement)

    async with database.reading() as session:
        shown = await versions.shown(session, caller(department.uscc, Role.CLERK), resource)
        connection = (await session.connection()).sync_connection
        event.listen(connection, "before_cursor_execute", note)
        try:
            alone = await item_views(session, shown)
        finally:
            event.remove(connection, "before_cursor_execute", note)
        assert alone == (await view(session, shown)).items
    assert asked
    assert not [each for each in asked if "exchange." in each]
