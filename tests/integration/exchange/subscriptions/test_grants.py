"""What delivery learns of a subscription, and what it writes back."""

import asyncio
from datetime import datetime

import asyncpg
import pytest

from catalog.errors import ResourceNotPublished
from catalog.tables import Resource
from exchange.applications import agreement
from exchange.subscriptions import grants, register, supervision
from exchange.subscriptions.grants import StoredPosition
from kernel.changes import CHANNEL
from kernel.database import Database, raw_connection
from kernel.errors import NotFound
from kernel.workdays import SHANGHAI
from tests.support.sharing import NOW, sharing, signed, subscribed


async def test_a_missing_subscription_is_not_found(database: Database) -> None:
    async with database.transaction() as session:
        with pytest.raises(NotFound):
            await grants.load(session, "no-such")
        with pytest.raises(NotFound):
            await grants.commit_position(session, "no-such", {"0": 1}, now=NOW)


async def test_a_position_goes_forward_and_back_and_changes_no_rule(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.reading() as session:
        assert await grants.position_of(session, sid) is None
    for position in ({"0": 10}, {"0": 3}, ["any", 1], None):
        async with database.transaction() as session:
            row = await grants.commit_position(session, sid, position, now=NOW)
            assert (row.position, row.position_at, row.revision) == (position, NOW, 1)
        async with database.reading() as session:
            stored = await grants.position_of(session, sid)
            assert stored == (StoredPosition(position, None) if position else None)


async def test_positions_of_two_subscriptions_are_their_own(database: Database) -> None:
    world = await sharing(database)
    one, two = await subscribed(database, world), await subscribed(database, world)
    async with database.transaction() as session:
        await grants.commit_position(session, one, {"0": 7}, now=NOW)
    async with database.reading() as session:
        assert await grants.position_of(session, two) is None


async def test_live_subscriptions_are_counted_by_resource(database: Database) -> None:
    world, other = await sharing(database), await sharing(database)
    after = datetime(2027, 1, 1, tzinfo=SHANGHAI)
    ids = [await subscribed(database, world) for _ in range(3)]
    async with database.transaction() as session:
        await supervision.terminate(session, world.head, ids[0], reason="r", now=NOW)
        suspended = {"reason": "r", "remedy_by": after.date()}
        await supervision.suspend(session, world.overseer, ids[1], now=NOW, **suspended)  # type: ignore[arg-type]
    async with database.reading() as session:
        assert await grants.active_count(session, world.resource_id, now=NOW) == 2
        assert await grants.active_count(session, other.resource_id, now=NOW) == 0
        assert await grants.active_count(session, world.resource_id, now=after) == 0


async def test_retiring_and_agreeing_take_turns(database: Database) -> None:
    """Without turns both would pass: no subscription was counted, no retirement was seen."""
    world = await sharing(database)
    application = await signed(database, world)
    counted = asyncio.Event()

    async def retire() -> int:
        async with database.transaction() as session:
            alive = await grants.active_count(session, world.resource_id, now=NOW)
            counted.set()
            await asyncio.sleep(0.3)
            resource = await session.get_one(Resource, world.resource_id)
            resource.sqlmodel_update({"status": "retired"})
            session.add(resource)
            return alive

    async def agree() -> None:
        await counted.wait()
        async with database.transaction() as session:
            await agreement.agree(session, world.provider_head, application.id, now=NOW)

    alive, refusal = await asyncio.gather(retire(), agree(), return_exceptions=True)
    assert alive == 0
    assert isinstance(refusal, ResourceNotPublished)


async def test_every_change_of_rules_is_announced_at_its_commit(database: Database) -> None:
    world = await sharing(database)
    heard: list[str] = []

    def listener(_connection: object, _pid: int, _channel: str, message: object) -> None:
        heard.append(str(message))

    connection: asyncpg.Connection = await raw_connection(database.url)
    await connection.add_listener(CHANNEL, listener)
    try:
        sid = await subscribed(database, world)
        async with database.transaction() as session:
            await supervision.terminate(session, world.head, sid, reason="r", now=NOW)
        async with database.transaction() as session:
            await register.find(session, world.head, sid)
            await grants.commit_position(session, sid, {"0": 1}, now=NOW)
        await connection.fetchval("SELECT 1")
    finally:
        await connection.close()
    assert [message for message in heard if sid in message] == [f"subscription:{sid}"] * 2
