"""The agent lands a subscription in a real table, exactly once, whoever kills it."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from exchange.log.topics import topic_of
from shuyuan_client.agent.state import TABLES
from shuyuan_client.failures import Failure
from tests.support.tables import Tables, records
from tests.support.world import Sharing, World

TABLE = """\
CREATE TABLE @people (id varchar(64) PRIMARY KEY, full_name text NOT NULL, amount integer,
                      note text);
CREATE TABLE @applied (id text);
CREATE FUNCTION @note() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO @applied VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON @people FOR EACH ROW EXECUTE FUNCTION @note();
"""
COLUMNS = 'columns = {id = "id", name = "full_name", amount = "amount"}'
# Somebody waits for what this transaction has done.
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"


def pull(sharing: Sharing, *more: str) -> str:
    lines = ["[[pull]]", 'name = "people"', f'subscription = "{sharing.subscription}"',
             'table = "@people"', 'key = ["id"]', COLUMNS, *more]  # fmt: skip
    return "\n".join(lines)


async def landed(tables: Tables) -> list[tuple[object, ...]]:
    return await tables.rows("SELECT id, full_name, amount FROM @people ORDER BY amount")


def expected(*numbers: int) -> list[tuple[object, ...]]:
    return [(f"r{n}", f"名称 {n}", n) for n in numbers]


async def test_rows_are_written_changed_and_deleted(world: World, tables: Tables) -> None:
    """Under a grant of just this mode: it could be named in an entry and not be applied for."""
    sharing = await world.sharing(mode="table")
    await tables.execute(TABLE)
    tables.configure(sharing.subscriber, world.base_url, pull(sharing))
    await sharing.publisher.publish(sharing.resource, records(range(5)))
    assert (await tables.work()).fine
    assert await landed(tables) == expected(*range(5))
    await tables.execute("UPDATE @people SET note = 'ours'")
    await sharing.publisher.publish(sharing.resource, [{"id": "r1", "name": "新", "amount": 1}])
    await sharing.publisher.publish(sharing.resource, [{"id": "r0"}], op="delete")
    assert (await tables.work()).fine
    assert await landed(tables) == [("r1", "新", 1), *expected(2, 3, 4)]
    # Columns that no item fills are the department's own.
    assert await tables.rows("SELECT DISTINCT note FROM @people") == [("ours",)]
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    assert shown["lag"] == 0


async def test_whoever_kills_it_each_record_is_applied_once(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    tables.configure(sharing.subscriber, world.base_url, pull(sharing, "batch = 4"))
    await sharing.publisher.publish(sharing.resource, records(range(12)))
    await tables.end_at("page fetched", "rows written", "page committed", "cursor written")
    assert (await tables.work()).fine
    assert await landed(tables) == expected(*range(12))
    assert await tables.rows("SELECT count(*), count(DISTINCT id) FROM @applied") == [(12, 12)]
    assert await tables.rows("SELECT records, error FROM @shuyuan_agent_jobs") == [(12, None)]


async def test_after_a_gap_everything_kept_is_read_anew(
    world: World, sharing: Sharing, tables: Tables, settings: dict[str, str]
) -> None:
    await tables.execute(TABLE)
    tables.configure(sharing.subscriber, world.base_url, pull(sharing))
    await sharing.publisher.publish(sharing.resource, records(range(2)))
    assert (await tables.work()).fine
    await sharing.publisher.publish(sharing.resource, records([2]))
    await sharing.publisher.publish(sharing.resource, records([1, 3]))
    await forget(settings, sharing.resource, before=3)
    await tables.end_at("resync begun", "rows written")
    assert (await tables.work()).fine
    # Nobody knows what became of r0: it stays, and is counted.
    assert await landed(tables) == expected(0, 1, 3)
    told = await tables.rows("SELECT phase, resyncs, unconfirmed FROM @shuyuan_agent_jobs")
    assert told == [("", 1, 1)]


async def test_after_a_gap_rows_may_be_removed(
    world: World, sharing: Sharing, tables: Tables, settings: dict[str, str]
) -> None:
    await tables.execute(TABLE)
    job = pull(sharing, 'after_gap = "remove"')
    tables.configure(sharing.subscriber, world.base_url, job)
    await sharing.publisher.publish(sharing.resource, records(range(2)))
    assert (await tables.work()).fine
    await sharing.publisher.publish(sharing.resource, records([2, 1]))
    await forget(settings, sharing.resource, before=3)
    assert (await tables.work()).fine
    assert await landed(tables) == expected(1)


async def forget(settings: dict[str, str], resource: str, before: int) -> None:
    """Let the log lose its first records, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings["SHUYUAN_KAFKA_BOOTSTRAP"])
    await admin.start()
    try:
        place = TopicPartition(topic_of(resource), 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def test_deletions_may_be_marked_and_keys_may_be_hashes(world: World, tables: Tables) -> None:
    sharing = await world.sharing(granted=["name", "amount"])
    await tables.execute(
        "CREATE TABLE @people (exchange_key text PRIMARY KEY, name text, amount numeric(9, 2),"
        " gone boolean)"
    )
    job = f"""[[pull]]
name = "people"
subscription = "{sharing.subscription}"
table = "@people"
key_column = "exchange_key"
deletes = "mark"
mark_column = "gone"
"""
    tables.configure(sharing.subscriber, world.base_url, job)
    await sharing.publisher.publish(sharing.resource, records(range(2)))
    assert (await tables.work()).fine
    await sharing.publisher.publish(sharing.resource, [{"id": "r0"}], op="delete")
    assert (await tables.work()).fine
    told = await tables.rows("SELECT name, amount, gone FROM @people ORDER BY name")
    assert told == [("名称 0", 0, True), ("名称 1", 1, False)]


async def test_two_agents_that_start_at_once_both_have_their_tables(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    """One of two ended because the other's table came first, and landed nothing until restarted."""
    await tables.execute(TABLE)
    tables.configure(sharing.subscriber, world.base_url, pull(sharing))
    await sharing.publisher.publish(sharing.resource, records(range(1)))
    async with tables.connection.transaction():
        await tables.execute(f"CREATE TABLE @shuyuan_agent_holders ({TABLES['holders']})")
        working = asyncio.create_task(tables.work())
        # The agent waits for the other's table, which it cannot see yet.
        await tables.until(WAITING)
    assert (await working).fine
    assert await tables.rows("SELECT count(*) FROM @people") == [(1,)]


async def test_a_second_agent_is_told_who_runs_it(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    tables.configure(sharing.subscriber, world.base_url, pull(sharing))
    first = tables.start()
    try:
        await sharing.publisher.publish(sharing.resource, records(range(1)))
        await tables.until("SELECT 1 FROM @people")
        with pytest.raises(Failure, match=f"pid {first.pid}"):
            await tables.work()
    finally:
        first.terminate()
        said, _ = await asyncio.to_thread(first.communicate)
    # Asked to stop, it ends by itself, after its page.
    assert first.returncode == 0, said


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (None, "表 {table} 不存在"),
        ("id varchar(64) PRIMARY KEY, full_name text, amount date", "信息项 amount（integer）"),
        ("id varchar(64) PRIMARY KEY, amount integer", "没有列 full_name"),
        ("id varchar(64), full_name text, amount integer", "没有恰为（id）的主键"),
        (
            "id varchar(64) PRIMARY KEY, full_name text, amount integer, b integer NOT NULL",
            "列 b 不可为空",
        ),
        (
            "id varchar(64) PRIMARY KEY, full_name text, amount integer NOT NULL",
            "信息项 amount 可以缺失",
        ),
        ("id varchar(64) PRIMARY KEY, full_name varchar(2), amount integer", "too long"),
        (
            "id varchar(64) PRIMARY KEY, full_name text, amount integer CHECK (amount > 5)",
            "check constraint",
        ),
    ],
)
async def test_what_is_wrong_with_a_table_is_said_before_anything_runs(
    shared: Sharing, world: World, tables: Tables, table: str | None, told: str
) -> None:
    if table is not None:
        await tables.execute(f"CREATE TABLE @people ({table})")
    tables.configure(shared.subscriber, world.base_url, pull(shared))
    found = await tables.check()
    assert any(told.format(table=f"{tables.schema}.people") in each for each in found), found
    # Whoever runs it all the same is told, too, where it comes to that.
    worked = await tables.work()
    assert worked.fine == (not worked.said)


async def test_a_trigger_that_fails_is_said_before_and_after(
    shared: Sharing, world: World, tables: Tables
) -> None:
    await tables.execute(TABLE)
    await tables.execute(
        "CREATE OR REPLACE FUNCTION @note() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF NEW.id = 'r2' THEN RAISE 'no twos here'; END IF; RETURN NULL; END $$"
    )
    tables.configure(shared.subscriber, world.base_url, pull(shared))
    found = await tables.check()
    assert any("no twos here" in each for each in found), found
    assert await landed(tables) == []
    worked = await tables.work()
    assert not worked.fine
    assert "r2" in worked.said[0]
    assert "no twos here" in worked.said[0]
    assert await landed(tables) == []
    told = await tables.rows("SELECT error FROM @shuyuan_agent_jobs")
    assert "no twos here" in str(told[0][0])


async def test_a_right_that_is_missing_is_said(
    shared: Sharing, world: World, tables: Tables
) -> None:
    await tables.execute(TABLE)
    await tables.execute("REVOKE UPDATE, DELETE ON @people FROM CURRENT_USER")
    tables.configure(shared.subscriber, world.base_url, pull(shared))
    found = await tables.check()
    assert [each for each in found if "UPDATE" in each], found
    assert [each for each in found if "DELETE" in each], found
    assert not [each for each in found if "INSERT" in each], found


async def test_the_commands_tell_what_to_do_and_what_was_done(
    shared: Sharing, world: World, tables: Tables, tmp_path: Path
) -> None:
    new = tmp_path / "new.toml"
    assert (await tables.command("init", config=new))[0] == 0
    assert new.stat().st_mode & 0o777 == 0o600
    await tables.execute(TABLE)
    tables.configure(shared.subscriber, world.base_url, pull(shared))
    code, told = await tables.command("status")
    assert (code, "agent init" in told) == (1, True)
    for words, expected_words in (
        # What is printed is a script alone.
        (("init",), ""),
        (("check",), "✓"),
        (("run", "--dry-run"), "4"),
        (("run", "--once"), ""),
        (("status",), "4"),
        (("status", "--json"), '"records": 4'),
        (("service",), "ExecStart="),
    ):
        code, told = await tables.command(*words)
        assert code == 0, told
        assert expected_words in told, words
    assert await landed(tables) == expected(*range(4))


@pytest.fixture(scope="module")
async def shared(world: World) -> Sharing:
    """A sharing with four records, which no test adds to."""
    made = await world.sharing()
    await made.publisher.publish(made.resource, records(range(4)))
    return made
