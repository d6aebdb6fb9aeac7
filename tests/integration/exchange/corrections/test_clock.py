"""C7 is missed once; what was handed on is kept in few rows; a killed worker is suspected once."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from exchange.corrections import clockwork, moves, store
from exchange.corrections.states import Action, State
from exchange.corrections.tables import Correction
from exchange.metering.counts import Counts
from exchange.metering.evidence import store as evidence
from exchange.metering.evidence.delivered import Handed, Under
from exchange.metering.tables import CountFlush, DeliveredRange, LostSecond
from exchange.violations.tables import Violation
from exchange.violations.types import Type
from kernel import clock
from kernel.database import Database
from kernel.errors import IllegalTransition
from kernel.ids import new_id
from tests.integration.exchange.worker.test_sealing import read
from tests.support.sharing import Sharing, sharing, subscribed


async def overdue(database: Database, world: Sharing) -> str:
    """A correction whose day was yesterday, written as it would have been raised."""
    now = clock.now()
    row = Correction(
        id=new_id(),
        subscription_id=await subscribed(database, world),
        resource_id=world.resource_id,
        client_id=world.client_id,
        consumer_department=world.consumer,
        provider_department=world.provider,
        region_code="450100",
        status=State.SUBMITTED,
        key="a",
        problem="other",
        items=[],
        elements=[],
        description="d",
        submitted_by=world.clerk.id,
        submitted_at=now - timedelta(days=20),
        due_at=now - timedelta(days=1),
        digests={},
        revision_disputed=1,
        version_disputed=1,
    )
    async with database.transaction() as session:
        session.add(row)
    return row.id


async def test_a_missed_day_is_recorded_once(database: Database) -> None:
    world = await sharing(database)
    correction_id = await overdue(database, world)
    for _ in range(2):
        async with database.transaction() as session:
            await clockwork.mark_corrections(session, clock.now())
    async with database.transaction() as session:
        await moves.answer(
            session, world.provider_head, correction_id, Action.ACCEPT, now=clock.now()
        )
        steps = await store.history(session, correction_id)
        counted = select(Violation).where(Violation.thing_id == correction_id)
        violations = (await session.exec(counted)).all()
    assert [step.action for step in steps] == ["breach", "accept"]
    assert [(each.type, each.department) for each in violations] == [
        (Type.CORRECTION_LATE, world.provider)
    ]


async def test_an_answer_that_is_late_records_it_too(database: Database) -> None:
    world = await sharing(database)
    correction_id = await overdue(database, world)
    async with database.transaction() as session:
        row = await moves.answer(
            session, world.provider_head, correction_id, Action.REJECT, reason="r", now=clock.now()
        )
    assert (row.status, row.breaches) == (State.REJECTED, 1)
    with pytest.raises(IllegalTransition):
        async with database.transaction() as session:
            await moves.end(session, world.clerk, correction_id, Action.WITHDRAW, now=clock.now())


async def test_ranges_that_touch_become_one_row(database: Database) -> None:
    under = Under(new_id(), 1, 1, 0)
    for first, last in ((0, 9), (20, 29), (40, 40), (10, 19), (5, 8), (30, 30)):
        async with database.transaction() as session:
            await evidence.add(session, [Handed(under, first, last)])
    async with database.reading() as session:
        query = select(DeliveredRange.first, DeliveredRange.last).where(
            DeliveredRange.subscription_id == under.subscription_id
        )
        rows = (await session.exec(query.order_by(col(DeliveredRange.first)))).all()
    assert [tuple(row) for row in rows] == [(0, 30), (40, 40)]


async def test_who_was_served_by_a_killed_worker_may_have_received_more(
    database: Database,
) -> None:
    served, closed_well = new_id(), new_id()
    # No connection holds these lives: both are over, and one had said so before.
    killed = Counts(database, 3600.0, lambda: 2**40)
    ended = Counts(database, 3600.0, lambda: 2**40 + 1)
    for worker, subscription in ((killed, served), (ended, closed_well)):
        read(worker, subscription, 3, 30)
        await worker.flush()
    await ended._end()
    for _ in range(2):
        async with database.transaction() as session:
            await evidence.note_killed(session, clock.now())
    async with database.reading() as session:
        lost = select(LostSecond.subscription_id).where(
            col(LostSecond.subscription_id).in_([served, closed_well])
        )
        assert (await session.exec(lost)).all() == [served]
        noted = await session.get(CountFlush, killed.worker)
        assert noted is not None
        assert noted.ended
