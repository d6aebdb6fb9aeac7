"""Missed deadlines are written down once, told to the authority, and decide nothing (P7)."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

from sqlmodel import col, func, select, update

from exchange.applications import agreement, register, review
from exchange.applications.clockwork import mark_breaches, reckon_anew
from exchange.applications.deadlines import Term
from exchange.applications.tables import Application, ApplicationHistory
from kernel.database import Database, ReadSession
from kernel.tables import AuditRow, OutboxRow
from kernel.workdays import NOTICE_UNTIL_YEAR
from tests.support.sharing import NOW, drafted, sharing, signed

LATE = NOW + timedelta(days=30)


async def recorded(database: Database, ids: list[str]) -> tuple[int, int, int]:
    """Return how often history, audit and outbox tell of a breach."""
    async with database.reading() as session:
        history = select(func.count()).where(
            col(ApplicationHistory.application_id).in_(ids), ApplicationHistory.action == "breach"
        )
        audit = select(func.count()).where(
            col(AuditRow.subject_id).in_(ids), AuditRow.event == "deadline.breached"
        )
        outbox = select(func.count()).where(
            col(OutboxRow.key).in_(ids), OutboxRow.type == "deadline.breached"
        )
        return (
            (await session.exec(history)).one(),
            (await session.exec(audit)).one(),
            (await session.exec(outbox)).one(),
        )


async def test_five_workers_at_once_mark_each_breach_once(database: Database) -> None:
    world = await sharing(database)
    ids = [(await signed(database, world)).id for _ in range(12)]
    await drafted(database, world)

    async def worker() -> int:
        async with database.transaction() as session:
            return await mark_breaches(session, LATE)

    await asyncio.gather(*(worker() for _ in range(5)))
    async with database.transaction() as session:
        assert await mark_breaches(session, LATE) == 0
    assert await recorded(database, ids) == (12, 12, 12)


async def test_lateness_agrees_to_nothing(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        await mark_breaches(session, LATE)
    async with database.transaction() as session:
        late = await register.find(session, world.head, application.id)
        standing = register.standing(late, LATE)
        assert (late.status, late.subscription_id, late.breached_at) == ("submitted", None, LATE)
        assert standing.breached
        assert (standing.remaining_working_days or 0) < 0
        moved = await agreement.agree(session, world.provider_head, application.id, now=LATE)
    assert moved.status == "agreed"
    assert register.standing(moved, LATE).breached


async def test_what_is_not_due_yet_is_left_alone(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    assert application.due_at is not None
    async with database.transaction() as session:
        await mark_breaches(session, application.due_at - timedelta(microseconds=1))
    assert await recorded(database, [application.id]) == (0, 0, 0)
    async with database.transaction() as session:
        await mark_breaches(session, application.due_at)
    assert await recorded(database, [application.id]) == (1, 1, 1)


async def test_waiting_for_the_consumer_is_no_breach(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        await review.request_supplement(
            session, world.provider_head, application.id, missing=["m"], message="m", now=NOW
        )
    async with database.transaction() as session:
        await mark_breaches(session, LATE)
    assert await recorded(database, [application.id]) == (0, 0, 0)


async def test_waiting_for_the_authority_is_still_the_providers_clock(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        await review.extend(
            session, world.provider_head, application.id, working_days=1, reason="r", now=NOW
        )
    async with database.transaction() as session:
        await mark_breaches(session, LATE)
    assert await recorded(database, [application.id]) == (1, 1, 1)


async def test_an_answer_between_deadline_and_clockwork_is_recorded_as_late(
    database: Database,
) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        moved = await agreement.agree(session, world.provider_head, application.id, now=LATE)
    assert moved.breached_at == LATE
    assert await recorded(database, [application.id]) == (1, 1, 1)
    async with database.reading() as session:
        row = await session.get_one(Application, application.id)
        assert register.standing(row, LATE).breached


async def test_a_new_calendar_moves_open_due_dates_visibly(database: Database) -> None:
    """With a new calendar old dates stayed, and turned from provisional to true (E6)."""
    world = await sharing(database)
    application = await signed(database, world)
    right = application.due_at
    assert right is not None
    old = right - timedelta(days=1)
    await stored(database, application.id, due_at=old, due_calendar=NOTICE_UNTIL_YEAR - 1)
    async with database.transaction() as session:
        await reckon_anew(session, NOW)
    async with database.reading() as session:
        row = await session.get_one(Application, application.id)
        assert (row.due_at, row.due_calendar) == (right, NOTICE_UNTIL_YEAR)
        told = await history_of(session, application.id)
        assert told[-1].action == "reckoned-anew"
        assert told[-1].details["before"] == str(old)
        events = select(AuditRow).where(
            AuditRow.subject_id == application.id, AuditRow.event == "deadline.reckoned_anew"
        )
        assert len((await session.exec(events)).all()) == 1
    async with database.transaction() as session:
        assert await reckon_anew(session, NOW) == 0


async def test_an_extension_keeps_what_the_due_date_rests_on(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        await review.extend(
            session, world.provider_head, application.id, working_days=3, reason="r", now=NOW
        )
    async with database.transaction() as session:
        extended = await review.consent_extension(session, world.overseer, application.id, now=NOW)
    assert (extended.due_days, extended.due_from) == (13, application.due_from)
    assert extended.due_at == Term(date(2026, 7, 1), 13).due_at


async def stored(database: Database, application_id: str, **columns: object) -> None:
    async with database.transaction() as session:
        await session.execute(
            update(Application).where(col(Application.id) == application_id).values(**columns)
        )


async def history_of(session: ReadSession, application_id: str) -> Sequence[ApplicationHistory]:
    query = select(ApplicationHistory).where(ApplicationHistory.application_id == application_id)
    return (await session.exec(query.order_by(col(ApplicationHistory.id)))).all()
