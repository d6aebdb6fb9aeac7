"""C6: what was never there to be delivered is a breach, recorded once and told (Art 22)."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, func, select

from exchange.modes import Live
from exchange.subscriptions import store
from exchange.subscriptions.delivery_clock import mark_deliveries
from exchange.subscriptions.tables import Subscription, SubscriptionHistory
from kernel.database import Database
from kernel.tables import AuditRow, OutboxRow
from tests.support.sharing import NOW, Sharing, sharing, subscribed

LATE = NOW + timedelta(days=60)


async def mark(database: Database, now: datetime) -> None:
    async with database.transaction() as session:
        await mark_deliveries(session, now)


async def live(
    database: Database, world: Sharing, since: datetime, kind: Live = Live.RECORDS
) -> None:
    async with database.transaction() as session:
        await store.note_live(session, kind, [world.resource_id], since)


async def recorded(database: Database, subscription_id: str) -> tuple[int, int, int]:
    """Return how often history, audit and outbox tell of a breach."""
    async with database.reading() as session:
        queries = (
            select(func.count()).where(
                col(SubscriptionHistory.subscription_id) == subscription_id,
                SubscriptionHistory.action == "breach",
            ),
            select(func.count()).where(
                col(AuditRow.subject_id) == subscription_id, AuditRow.event == "deadline.breached"
            ),
            select(func.count()).where(
                col(OutboxRow.key) == subscription_id, OutboxRow.type == "deadline.breached"
            ),
        )
        first, second, third = [(await session.exec(query)).one() for query in queries]
        return first, second, third


async def granted(database: Database, world: Sharing) -> Subscription:
    return await row_of(database, await subscribed(database, world))


async def row_of(database: Database, subscription_id: str) -> Subscription:
    async with database.reading() as session:
        return await session.get_one(Subscription, subscription_id)


async def test_a_subscription_of_an_empty_resource_is_late_once(database: Database) -> None:
    """C6 was stored and counted by nobody (E7)."""
    subscription = await granted(database, await sharing(database))
    await mark(database, subscription.deliver_by)
    assert await recorded(database, subscription.id) == (0, 0, 0)
    for _ in range(2):
        await mark(database, LATE)
    assert await recorded(database, subscription.id) == (1, 1, 1)
    row = await row_of(database, subscription.id)
    assert row.delivery_breached_at == LATE
    assert row.revision == subscription.revision


async def test_a_record_in_time_ends_the_clock(database: Database) -> None:
    world = await sharing(database)
    subscription = await granted(database, world)
    await live(database, world, NOW + timedelta(days=1))
    await mark(database, LATE)
    assert await recorded(database, subscription.id) == (0, 0, 0)
    assert (await row_of(database, subscription.id)).delivered_at == NOW + timedelta(days=1)


async def test_what_held_records_before_is_delivered_with_the_grant(database: Database) -> None:
    world = await sharing(database)
    await live(database, world, NOW - timedelta(days=100))
    subscription = await granted(database, world)
    await mark(database, LATE)
    row = await row_of(database, subscription.id)
    assert (row.delivered_at, row.delivery_breached_at) == (row.created_at, None)


async def test_a_record_after_the_day_is_delivered_and_late(database: Database) -> None:
    world = await sharing(database)
    subscription = await granted(database, world)
    await mark(database, LATE)
    await live(database, world, LATE + timedelta(days=1))
    await mark(database, LATE + timedelta(days=1))
    row = await row_of(database, subscription.id)
    assert row.delivered_at == LATE + timedelta(days=1)
    assert await recorded(database, subscription.id) == (1, 1, 1)


@pytest.mark.parametrize(
    ("mode", "ends"),
    [
        ("pull", {Live.RECORDS}),
        ("table", {Live.RECORDS}),
        ("file", {Live.RECORDS, Live.FILE}),
        ("api", {Live.SERVICE}),
    ],
)
async def test_each_mode_waits_for_what_it_takes(
    database: Database, mode: str, ends: set[Live]
) -> None:
    """A file ended the clock of pull grants, and no service that of api grants."""
    for kind in Live:
        world = await sharing(database)
        subscription = await granted(database, world)
        await hold(database, subscription.id, mode)
        await live(database, world, NOW + timedelta(days=1), kind)
        await mark(database, NOW + timedelta(days=2))
        row = await row_of(database, subscription.id)
        assert (row.delivered_at is not None) == (kind in ends), kind


async def test_of_what_a_mode_takes_the_first_ends_the_clock(database: Database) -> None:
    world = await sharing(database)
    subscription = await granted(database, world)
    await hold(database, subscription.id, "file")
    for days, kind in ((3, Live.RECORDS), (1, Live.FILE), (2, Live.SERVICE)):
        await live(database, world, NOW + timedelta(days=days), kind)
    await mark(database, LATE)
    row = await row_of(database, subscription.id)
    assert row.delivered_at == NOW + timedelta(days=1)


async def hold(database: Database, subscription_id: str, mode: str) -> None:
    """Let a grant be of another mode, which the resource offers for this test."""
    async with database.transaction() as session:
        (await session.get_one(Subscription, subscription_id)).mode = mode
