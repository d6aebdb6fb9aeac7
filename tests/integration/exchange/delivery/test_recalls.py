"""A narrower filter of a copy that follows the log takes back what it hides (ADR 0051, P3)."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.latest.store import digest
from kernel.database import Database
from tests.integration.exchange.latest.test_rows_that_leave import lose
from tests.support.callers import Pulled
from tests.support.eventually import eventually
from tests.support.receiving import allow_loopback, receiving, set_endpoint
from tests.support.world import Sharing, World

Json = dict[str, Any]
ITEMS = (
    {"name": "id", "key": True},
    {"name": "region"},
    {"name": "amount", "data_type": "integer"},
)
NANNING: Json = {"item": "region", "op": "eq", "value": "450100"}
LARGE: Json = {"item": "amount", "op": "ge", "value": 10}


def row(key: str, region: str, amount: int) -> Json:
    return {"id": key, "region": region, "amount": amount}


async def put(sharing: Sharing, *rows: Json) -> None:
    """Publish records, each in a batch of its own."""
    for each in rows:
        await sharing.publisher.publish(sharing.resource, [each])


async def drop(sharing: Sharing, *keys: str) -> None:
    for key in keys:
        await sharing.publisher.publish(sharing.resource, [{"id": key}], op="delete")


async def narrow(world: World, sharing: Sharing, *row_filter: Json) -> None:
    """Amend the filter of a subscription."""
    await amend(world, sharing, {"row_filter": list(row_filter)})


async def amend(world: World, sharing: Sharing, wanted: Json, said: Json | None = None) -> None:
    """Amend a subscription, agreed as the provider has said; the same one goes on."""
    clerk, path = sharing.consumer.clerk, f"/v1/subscriptions/{sharing.subscription}/amend"
    asked = await clerk.ask("POST", path, wanted)
    await sharing.consumer.head.ask("POST", f"/v1/applications/{asked['id']}/sign")
    assert await world.agreed(sharing.provider, asked["id"], said) == sharing.subscription


async def followed(sharing: Sharing, cursor: str | None, limit: int = 10_000) -> Pulled:
    """Return all lines from a cursor on, also those that a list which is being made tells."""
    page = await sharing.subscriber.pull(sharing.subscription, cursor, limit=limit)
    lines = list(page.records)
    while page.records or page.lag:
        wait = 0 if page.records else 1
        page = await sharing.subscriber.pull(sharing.subscription, page.cursor, limit, wait)
        lines += page.records
    return Pulled(lines, page.cursor, page.lag, page.answer)


def applied(copy: dict[str, Json], lines: Sequence[Json]) -> dict[str, Json]:
    """Return a copy of the rows once lines were followed."""
    copy = dict(copy)
    for line in lines:
        if line["op"] == "delete":
            copy.pop(line["key"], None)
        else:
            copy[line["key"]] = line["data"]
    return copy


def told(lines: Sequence[Json]) -> list[str]:
    return [f"{line['op']} {line['key']}" for line in lines]


async def rewound(sharing: Sharing, to: str) -> str:
    path = f"/v1/subscriptions/{sharing.subscription}/rewind"
    told = await sharing.subscriber.ask("POST", path, {"to": to})
    return str(told["cursor"])


@pytest.mark.parametrize("partitions", [1, 2])
async def test_a_copy_becomes_exactly_the_rows_of_the_new_filter(
    world: World, partitions: int
) -> None:
    """Such an amendment was refused: a copy would have kept what the platform hides from then on.

    What had left when the filter changed, and what had not been read yet, is told alike.
    """
    sharing = await world.sharing(ITEMS, partitions=partitions, row_filter=[NANNING])
    await put(sharing, row("stays", "450100", 10), row("goes", "450100", 1))
    await put(sharing, row("foreign", "450200", 1), row("moves", "450100", 10))
    await put(sharing, row("grows", "450100", 1), row("ends", "450100", 1))
    await drop(sharing, "ends")
    await put(sharing, row("ends", "450100", 2))
    before = await followed(sharing, None)
    copy = applied({}, before.records)
    assert set(copy) == {"stays", "goes", "moves", "grows", "ends"}
    # None of this is read by the terms under which it was published.
    await put(sharing, row("moves", "450100", 2), row("grows", "450100", 11))
    await drop(sharing, "ends")
    await put(sharing, row("ends", "450100", 3), row("unread", "450100", 3))

    await narrow(world, sharing, NANNING, LARGE)
    after = await followed(sharing, before.cursor)
    assert applied(copy, after.records) == {
        "stays": row("stays", "450100", 10),
        "grows": row("grows", "450100", 11),
    }
    listed = told(after.records)[:3]
    assert sorted(listed) == ["delete ends", "delete goes", "delete moves"]
    assert not {"foreign", "unread"} & {line["key"] for line in after.records}
    for limit in (1, 2):
        again = await followed(sharing, before.cursor, limit)
        assert told(again.records) == told(after.records)

    # A stored position behind the list stays behind it; a rewind leaves the list out.
    path = f"/v1/subscriptions/{sharing.subscription}/position"
    await sharing.subscriber.ask("PUT", path, {"cursor": after.cursor})
    await put(sharing, row("new", "450100", 12), row("small", "450100", 1))
    assert told((await followed(sharing, None)).records) == ["upsert new"]
    whole = await followed(sharing, await rewound(sharing, "earliest"))
    assert "delete goes" not in told(whole.records)
    assert set(applied({}, whole.records)) == {"stays", "grows", "new"}
    assert (await followed(sharing, await rewound(sharing, "latest"))).records == []


async def test_a_second_list_follows_the_first_and_the_providers_condition_narrows_too(
    world: World,
) -> None:
    sharing = await world.sharing(ITEMS)
    await put(sharing, row("a", "450100", 10), row("b", "450200", 10), row("c", "450100", 1))
    first = await followed(sharing, None)
    await narrow(world, sharing, LARGE)
    second = await followed(sharing, first.cursor)
    assert told(second.records) == ["delete c"]
    await amend(world, sharing, {"records_per_day": 1000}, {"row_filter": [NANNING]})
    assert told((await followed(sharing, second.cursor)).records)[0] == "delete b"
    # Whoever begins where it stood before the first list is told of both.
    both = await followed(sharing, first.cursor)
    assert applied(applied({}, first.records), both.records) == {"a": row("a", "450100", 10)}
    shown = await sharing.consumer.clerk.ask("GET", f"/v1/subscriptions/{sharing.subscription}")
    # A delete is a record handed on: the day's use counts it.
    assert shown["used_today"] >= 5


async def test_what_is_pushed_is_taken_back_before_the_next_record(world: World) -> None:
    async with receiving() as receiver:
        sharing = await world.sharing(ITEMS, mode="push")
        await allow_loopback(world, sharing.consumer)
        await set_endpoint(sharing, receiver, max_records=2)
        await put(sharing, row("a", "450100", 10), row("b", "450100", 1), row("c", "450200", 1))
        await put(sharing, row("d", "450200", 2))
        await eventually(lambda: len(receiver.records) == 4)
        await narrow(world, sharing, LARGE)
        await put(sharing, row("e", "450100", 1), row("f", "450100", 11))
        await eventually(lambda: len(receiver.records) == 8)
        assert told(receiver.records)[4:] == ["delete b", "delete c", "delete d", "upsert f"]
        assert set(applied({}, receiver.records)) == {"a", "f"}


async def test_a_batch_that_waited_comes_after_what_is_taken_back(world: World) -> None:
    """It is of the terms before: what it may have told the receiver is in the list."""
    async with receiving() as receiver:
        sharing = await world.sharing(ITEMS, mode="push")
        await allow_loopback(world, sharing.consumer)
        await set_endpoint(sharing, receiver)
        receiver.status = 503
        # In one batch: of two the first could be pushed alone, and b would never have been shown.
        both = [row("a", "450100", 10), row("b", "450100", 1)]
        await sharing.publisher.publish(sharing.resource, both)
        await eventually(lambda: bool(receiver.refused))
        await narrow(world, sharing, LARGE)
        receiver.status = 200
        await eventually(lambda: len(receiver.records) >= 2, within_seconds=60)
        assert "upsert b" not in told(receiver.records)
        assert set(applied({"b": {}}, receiver.records)) == {"a"}


async def test_a_list_that_a_killed_worker_began_is_made_once(
    world: World, database: Database
) -> None:
    """What it had listed is listed once, and what killed gateways handed on last is added."""
    sharing = await world.sharing(ITEMS)
    await put(sharing, row("a", "450100", 10), row("b", "450100", 1), row("c", "450100", 2))
    first = await sharing.subscriber.pull(sharing.subscription, limit=2)
    await narrow(world, sharing, LARGE)
    await began(database, sharing.subscription, "b")
    lines = (await followed(sharing, first.cursor)).records
    assert told(lines) == ["delete b"]
    # Whatever a gateway that was killed may have handed on counts as handed on: c as well.
    later = await sharing.subscriber.pull(sharing.subscription, first.cursor)
    async with database.transaction() as session:
        for statement in (
            "INSERT INTO exchange.lost_second VALUES (:id, clock_timestamp() + interval '1 hour')",
            "UPDATE exchange.recall SET look_at = now() WHERE subscription_id = :id",
        ):
            await session.execute(text(statement).bindparams(id=sharing.subscription))

    async def is_looked_at() -> bool:
        async with database.reading() as session:
            rows = await session.execute(
                text("SELECT look_at FROM exchange.recall WHERE subscription_id = :id").bindparams(
                    id=sharing.subscription
                )
            )
            return rows.scalar_one() is None

    await eventually(is_looked_at, within_seconds=60)
    assert told((await followed(sharing, later.cursor)).records) == ["delete c"]
    assert told((await followed(sharing, first.cursor)).records) == ["delete b", "delete c"]


async def began(database: Database, subscription: str, key: str) -> None:
    """Leave behind what a worker that is killed while it makes a list leaves behind."""
    statement = text("""
        WITH held AS (
            UPDATE exchange.recall SET leased_until = clock_timestamp() + interval '1 second'
            WHERE subscription_id = :id AND made_at IS NULL RETURNING revision
        )
        INSERT INTO exchange.recalled_key
        SELECT :id, (SELECT max(number) FROM kernel.generation) << 30, revision, 0, :digest, :key, 1
        FROM held RETURNING n
    """)
    raw = key.encode()
    async with database.transaction() as session:
        rows = await session.execute(
            statement.bindparams(id=subscription, digest=digest(raw), key=raw)
        )
        assert rows.first() is not None


async def test_what_retention_took_is_taken_back_as_well(
    world: World, endpoints: Endpoints
) -> None:
    sharing = await world.sharing(ITEMS, row_filter=[NANNING])
    await put(sharing, row("a", "450100", 1), row("b", "450100", 1))
    first = await followed(sharing, None)
    # A record that nobody reads, and retention takes what was read.
    done = await sharing.publisher.publish(sharing.resource, [row("x", "450200", 1)])
    await lose(endpoints, sharing, {0: done["positions"][0]["last_offset"]})
    await put(sharing, row("b", "450200", 1), row("b", "450300", 1))
    await narrow(world, sharing, NANNING, LARGE)
    lines = (await followed(sharing, first.cursor)).records
    assert sorted(told(lines)) == ["delete a", "delete b"]
