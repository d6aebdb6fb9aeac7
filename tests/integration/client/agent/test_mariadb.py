"""What the agent needs of a database, of a real MariaDB."""

import asyncio
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local import mariadb
from shuyuan_client.agent.checking import check
from shuyuan_client.agent.config import Config, DatabaseSettings, Exchange, Pull, Push, load
from shuyuan_client.agent.databases import Database, DatabaseRefused, connect, undone
from shuyuan_client.agent.running import Agent, run
from shuyuan_client.agent.state import State
from shuyuan_client.cli.agent import agent_app
from shuyuan_client.failures import Failure
from tests.support.browsing import browsing
from tests.support.callers import ClientApp
from tests.support.copied import programs
from tests.support.tables import records
from tests.support.world import Sharing, World

pytestmark = pytest.mark.skipif(not mariadb.is_there(), reason=mariadb.NEEDED)

TABLE = (
    "CREATE TABLE people (id varchar(64), part int, name varchar(5) NOT NULL, gone tinyint(1),"
    " at datetime(3), seen timestamp NULL, note text, PRIMARY KEY (id, part))"
)
NAMES, KEY = ["id", "part", "name", "gone", "at"], ["id", "part"]
AT = "2026-01-05 08:00:00.250000"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseSettings]:
    with mariadb.running(tmp_path_factory.mktemp("mariadb"), durable=False) as settings:
        yield settings


@pytest.fixture
def database(server: DatabaseSettings) -> Iterator[Database]:
    made = connect(server)
    made.execute(TABLE)
    yield made
    for (table,) in made.fetch("SELECT table_name FROM information_schema.tables"
                               " WHERE table_schema = database()"):  # fmt: skip
        made.execute(f"DROP TABLE {made.quote(table)}")
    made.close()


def rows(*numbers: int, name: str = "名") -> list[list[object]]:
    return [[f"r{n}", n, name, False, AT] for n in numbers]


def test_rows_are_written_changed_marked_and_deleted(database: Database) -> None:
    database.upsert("people", NAMES, KEY, rows(1, 2, 3))
    database.execute("UPDATE people SET note = 'ours'")
    database.upsert("people", NAMES, KEY, rows(1, 4, name="新"))
    assert database.delete("people", KEY, [["r2", "2"], ["r2", "9"]]) == 1
    assert database.mark("people", KEY, [["r3", "3"]], "gone") == 1
    told = database.fetch("SELECT id, name, gone, note FROM people ORDER BY id")
    assert told == [("r1", "新", 0, "ours"), ("r3", "名", 1, "ours"), ("r4", "新", 0, None)]
    assert database.select("people", ["at"], KEY, [["r1", 1]]) == [
        (datetime(2026, 1, 5, 8, 0, 0, 250_000),)  # noqa: DTZ001 - a column without zone
    ]


def test_columns_and_keys_are_those_of_the_table(database: Database) -> None:
    columns = database.columns("people")
    kinds = {name: (column.kind, column.zone) for name, column in columns.items()}
    assert kinds == {
        "id": ("text", None), "part": ("integer", None), "name": ("text", None),
        "gone": ("boolean", None), "at": ("moment", "local"), "seen": ("moment", "utc"),
        "note": ("text", None),
    }  # fmt: skip
    assert [name for name, column in columns.items() if column.required] == ["id", "part", "name"]
    assert database.unique_keys("people") == [frozenset({"id", "part"})]
    assert database.columns("absent") == {}


@pytest.mark.parametrize(
    "row",
    [
        ["r1", 1, "far too long", False, AT],
        ["r1", "many", "n", False, AT],
        ["r1", 1, None, False, AT],
        ["r1", 1, "n", False, "0000-00-00 00:00:00"],
    ],
)
def test_what_does_not_fit_is_refused_and_taken_back(database: Database, row: list[object]) -> None:
    with pytest.raises(DatabaseRefused), database.transaction():
        database.upsert("people", NAMES, KEY, [*rows(7), row])
    with undone(database):
        database.upsert("people", NAMES, KEY, rows(8))
    assert database.fetch("SELECT count(*) FROM people") == [(0,)]


def test_one_agent_holds_a_configuration(database: Database, server: DatabaseSettings) -> None:
    state = State(database, None)
    state.create()
    assert state.missing() == []
    state.hold("a")
    second = connect(server)
    try:
        with pytest.raises(Failure, match="pid"):
            State(second, None).hold("a")
        State(second, None).hold("b")
    finally:
        second.close()


def test_of_two_that_move_a_position_one_is_told(database: Database) -> None:
    state = State(database, None)
    state.create()
    before = state.position("people", "s")
    state.move(before.moved(position="one", records=1))
    with pytest.raises(Failure):
        state.move(before.moved(position="two"))
    assert state.position("people", "s").position == "one"
    with pytest.raises(Failure, match=r"another name|另取"):
        state.position("people", "other")


def test_triggers_tell_the_outbox_which_keys_changed(database: Database) -> None:
    state = State(database, None)
    state.create()
    script = database.trigger_script("people", "people", KEY, state.sql("outbox"))
    for statement in script.split(";\n"):
        if statement:
            database.execute(statement)
    assert len(database.triggers("people")) == 3
    database.upsert("people", NAMES, KEY, rows(1))
    database.execute("UPDATE people SET part = 2")
    database.execute("DELETE FROM people")
    told = [row[0] for row in database.fetch("SELECT key_json FROM shuyuan_agent_outbox")]
    assert told == ['["r1", "1"]', '["r1", "1"]', '["r1", "2"]', '["r1", "2"]']


def test_values_of_an_increment_are_compared_by_their_column(database: Database) -> None:
    database.upsert("people", NAMES, KEY, rows(1))
    columns = database.columns("people")
    for name, value, amount in (("at", "2026-01-05T08:00:00.250000", 5), ("part", "3", 2)):
        column = columns[name]
        found = database.fetch(
            f"SELECT 1 FROM people WHERE {name} >= {database.back(column, amount)}"  # noqa: S608
            f" AND {name} <= {database.value(column)}",
            value, value,
        )  # fmt: skip
        assert len(found) == 1


async def test_a_subscription_lands_and_a_table_is_published(
    world: World, sharing: Sharing, database: Database, server: DatabaseSettings, tmp_path: Path
) -> None:
    columns = "(id varchar(64) PRIMARY KEY, name varchar(200) NOT NULL, amount int)"
    database.execute(f"CREATE TABLE orders {columns}")
    database.execute(f"CREATE TABLE landed {columns}")
    database.execute("INSERT INTO orders VALUES ('r0', '名称 0', 0), ('r1', '名称 1', NULL)")
    push = Push(
        name="orders", resource=sharing.resource, table="orders", key=["id"], method="compare",
        every_seconds=0, max_deletes=1,
    )  # fmt: skip
    pull = Pull(name="landed", subscription=sharing.subscription, table="landed", key=["id"])
    outward = config(world, sharing.publisher, server, tmp_path / "out", push=[push])
    inward = config(world, sharing.subscriber, server, tmp_path / "in", pull=[pull])
    assert await found(outward) == []
    assert await worked(outward)
    assert await found(inward) == []
    assert await worked(inward)
    database.execute("UPDATE orders SET name = '新' WHERE id = 'r1'")
    database.execute("DELETE FROM orders WHERE id = 'r0'")
    assert await worked(outward)
    assert await worked(inward)
    assert database.fetch("SELECT id, name, amount FROM landed") == [("r1", "新", None)]


async def test_what_the_page_shows_lands_records(
    world: World, sharing: Sharing, database: Database, server: DatabaseSettings, tmp_path: Path
) -> None:
    """The database and where the secret lies are the department's own, the rest is as shown."""
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        told = programs(await clerk.open(f"/console/subscriptions/{sharing.subscription}"))
    table = told["SQL · MySQL, MariaDB"]
    database.execute(table)
    secret, file = tmp_path / "secret", tmp_path / "agent.toml"
    secret.write_text(sharing.subscriber.secret)
    text = told["shuyuan agent · MySQL, MariaDB"].replace("env:SECRET", f"file:{secret}")
    text = text.replace('tls = "verify"', f'tls = "off"\nport = {server.port}')
    file.write_text(text.replace("env:SHUYUAN_DATABASE_PASSWORD", str(server.password)))
    await sharing.publisher.publish(sharing.resource, records(range(3)))
    ran = await asyncio.to_thread(CliRunner().invoke, agent_app, ["init", "--config", str(file)])
    assert ran.exit_code == 0, ran.output
    assert await found(load(file)) == []
    assert await worked(load(file))
    (name,) = re.findall(r"CREATE TABLE (\w+)", table)
    landed = database.fetch(f"SELECT id, name, amount FROM {name} ORDER BY id")  # noqa: S608
    assert [tuple(row) for row in landed] == [(f"r{n}", f"名称 {n}", n) for n in range(3)]


def config(
    world: World,
    client: ClientApp,
    server: DatabaseSettings,
    secret: Path,
    **jobs: Any,  # noqa: ANN401 - pull, push
) -> Config:
    secret.write_text(client.secret)
    exchange = Exchange(base_url=world.base_url, client_id=client.id, secret=f"file:{secret}")
    return Config(name=secret.name, exchange=exchange, database=server, **jobs)


async def worked(config: Config) -> bool:
    stop = threading.Event()
    return await asyncio.to_thread(run, config, once=True, stop=stop, say=print)


async def found(config: Config) -> list[str]:
    """Return what `agent check` calls an error."""

    def errors() -> list[str]:
        with Agent(config) as agent:
            return [each.sentence for each in check(agent) if each.level == "error"]

    return await asyncio.to_thread(errors)
