"""The agent lands a subscription by the table and the configuration that its page shows."""

import re

from tests.support.browsing import browsing
from tests.support.copied import programs
from tests.support.tables import Tables, records
from tests.support.world import Sharing, World

SECTION = re.compile(r"^\[database\].*?(?=^\[\[)", re.MULTILINE | re.DOTALL)


async def test_what_the_page_shows_lands_records(
    world: World, tables: Tables, sharing: Sharing
) -> None:
    """The database and where the secret lies are the department's own, the rest is as shown."""
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        told = programs(await clerk.open(f"/console/subscriptions/{sharing.subscription}"))
    table, agent = told["SQL · PostgreSQL"], told["shuyuan agent · PostgreSQL"]
    (name,) = re.findall(r"CREATE TABLE (\w+)", table)
    await tables.execute(table.replace(name, "@landed"))
    tables.configure(sharing.subscriber, world.base_url, "[[pull]]")
    (database,) = SECTION.findall(tables.config.read_text())
    text = SECTION.sub(lambda _: database, agent)
    text = text.replace("env:SECRET", f"file:{tables.folder / 'secret'}")
    tables.config.write_text(text.replace(f"public.{name}", f"{tables.schema}.landed"))
    await sharing.publisher.publish(sharing.resource, records(range(3)))
    assert (await tables.command("init"))[0] == 0
    assert await tables.check() == []
    assert (await tables.work()).fine
    assert await tables.rows("SELECT id, name, amount FROM @landed ORDER BY id") == [
        (f"r{n}", f"名称 {n}", n) for n in range(3)
    ]
