"""The agent publishes a table's changes, each once, whoever kills it."""

from typing import Any

import pytest

from tests.support.tables import Tables
from tests.support.world import Sharing, World

TABLE = """\
CREATE TABLE @orders (id varchar(64) PRIMARY KEY, name text NOT NULL, amount integer,
                      changed bigint NOT NULL, secret text);
INSERT INTO @orders SELECT 'r' || n, '名称 ' || n, n, n, 'ours' FROM generate_series(0, 9) n;
"""


def push(sharing: Sharing, method: str, *more: str) -> str:
    lines = ["[[push]]", 'name = "orders"', f'resource = "{sharing.resource}"',
             'table = "@orders"', 'key = ["id"]', f'method = "{method}"', *more]  # fmt: skip
    return "\n".join(lines)


INCREMENT = ('increment = "changed"', "look_back = 3", "batch = 4")


def upsert(number: int, name: str | None = None) -> dict[str, Any]:
    key = f"r{number}"
    data = {"id": key, "name": name or f"名称 {number}", "amount": number}
    return {"op": "upsert", "key": key, "data": data}


async def arrived(sharing: Sharing) -> list[dict[str, Any]]:
    return (await sharing.subscriber.pull_all(sharing.subscription)).records


async def test_by_increment_late_rows_come_and_known_ones_do_not_again(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    tables.configure(sharing.publisher, world.base_url, push(sharing, "increment", *INCREMENT))
    assert (await tables.work()).fine
    assert await arrived(sharing) == [upsert(n) for n in range(10)]
    # One changes, and one is committed later than its increment says.
    await tables.execute("UPDATE @orders SET name = '新', changed = 10 WHERE id = 'r0'")
    await tables.execute("INSERT INTO @orders VALUES ('r10', '名称 10', 10, 8, NULL)")
    assert (await tables.work()).fine
    assert (await arrived(sharing))[10:] == [upsert(10), upsert(0, "新")]
    assert (await tables.work()).fine
    assert len(await arrived(sharing)) == 12


async def test_whoever_kills_it_each_change_is_published_once(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    tables.configure(sharing.publisher, world.base_url, push(sharing, "increment", *INCREMENT))
    await tables.end_at(
        "changes queued", "batch claimed", "batch sent", "batch noted", "batch settled"
    )
    # The next batch is begun with four; by its key the exchange knows all of them.
    await tables.end_at("batch sent")
    smaller = (*INCREMENT[:2], "batch = 2")
    tables.configure(sharing.publisher, world.base_url, push(sharing, "increment", *smaller))
    assert (await tables.work()).fine
    assert await arrived(sharing) == [upsert(n) for n in range(10)]
    assert await tables.rows("SELECT count(*) FROM @shuyuan_agent_changes") == [(0,)]


async def test_by_comparison_deletions_are_published_up_to_a_cap(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    job = push(sharing, "compare", "every_seconds = 0")
    tables.configure(sharing.publisher, world.base_url, job)
    assert (await tables.work()).fine
    await tables.execute("UPDATE @orders SET name = '新' WHERE id = 'r5'")
    await tables.execute("DELETE FROM @orders WHERE id = 'r0'")
    assert (await tables.work()).fine
    assert (await arrived(sharing))[10:] == [
        upsert(5, "新"),
        {"op": "delete", "key": "r0"},
    ]
    await tables.execute("DELETE FROM @orders WHERE changed < 5")
    worked = await tables.work()
    assert not worked.fine
    assert "max_deletes" in worked.said[0]
    assert len(await arrived(sharing)) == 12


async def test_by_outbox_every_change_is_told_by_triggers(
    world: World, sharing: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    tables.configure(sharing.publisher, world.base_url, push(sharing, "outbox"))
    found = await tables.check()
    assert any("没有触发器" in each for each in found), found
    code, script = await tables.command("init")
    assert code == 0, script
    await tables.execute(script)
    await tables.execute("UPDATE @orders SET name = '新' WHERE id = 'r1'")
    await tables.execute("UPDATE @orders SET name = '更新' WHERE id = 'r1'")
    await tables.execute("UPDATE @orders SET id = 'r20', amount = 20 WHERE id = 'r2'")
    assert (await tables.work()).fine
    # r2 was never published: there is nothing to delete.
    assert await arrived(sharing) == [upsert(1, "更新"), upsert(20, "名称 2")]
    await tables.execute("UPDATE @orders SET id = 'r21', amount = 21 WHERE id = 'r20'")
    assert (await tables.work()).fine
    told = await arrived(sharing)
    assert sorted(each["op"] + each["key"] for each in told[2:]) == ["deleter20", "upsertr21"]
    assert await tables.rows("SELECT count(*) FROM @shuyuan_agent_outbox") == [(0,)]


async def test_a_key_item_without_a_column_fails_its_job_alone(
    world: World, shared: Sharing, tables: Tables
) -> None:
    await tables.execute(TABLE)
    job = push(shared, "compare").replace('key = ["id"]', 'key = ["nothing"]')
    tables.configure(shared.publisher, world.base_url, job)
    worked = await tables.work()
    assert not worked.fine
    assert "nothing" in worked.said[0]


async def test_days_before_the_first_year_fail_their_job_alone(
    world: World, shared: Sharing, tables: Tables
) -> None:
    await tables.execute(
        "CREATE TABLE @orders (id varchar(64) PRIMARY KEY, name text NOT NULL, amount integer,"
        " changed timestamp NOT NULL);"
        "INSERT INTO @orders VALUES ('r1', '名称', 1, '0044-03-15 12:00:00 BC')"
    )
    tables.configure(shared.publisher, world.base_url, push(shared, "increment", *INCREMENT))
    worked = await tables.work()
    assert not worked.fine
    assert "数据库拒绝" in worked.said[0]


@pytest.mark.parametrize(
    ("table", "more", "told"),
    [
        ("id varchar(64), name text, amount integer", (), "没有恰为（id）的主键"),
        ("id varchar(64) PRIMARY KEY, amount integer", (), "没有列 name"),
        (
            "id varchar(64) PRIMARY KEY, name text NOT NULL, amount text",
            (),
            "信息项 amount（integer）",
        ),
        ("id varchar(64) PRIMARY KEY, name text, amount integer", (), "必填"),
        ("id varchar(64) PRIMARY KEY, name text, changed text", INCREMENT, "增量列 changed"),
    ],
)
async def test_what_is_wrong_with_a_table_is_said_before_anything_runs(
    shared: Sharing, world: World, tables: Tables, table: str, more: tuple[str, ...], told: str
) -> None:
    await tables.execute(f"CREATE TABLE @orders ({table})")
    method = "increment" if more else "compare"
    tables.configure(shared.publisher, world.base_url, push(shared, method, *more))
    found = await tables.check()
    assert any(told in each for each in found), found
    worked = await tables.work()
    assert worked.fine == (not worked.said)


@pytest.fixture(scope="module")
async def shared(world: World) -> Sharing:
    return await world.sharing()
