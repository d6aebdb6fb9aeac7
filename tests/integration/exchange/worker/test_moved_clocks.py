"""The worker's chores by a clock that leaps and is set back: what is due fires once (P7)."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy import text
from sqlmodel import col, select

from auth import directory
from catalog.deadline_tables import Kind
from catalog.store import deadlines
from exchange.corrections.tables import Correction
from exchange.disposals.disposal_clock import mark_undisposed
from exchange.feed.tables import FeedEvent, FeedReader
from exchange.notices import store as notices
from exchange.notices.wishes import DAILY, WEBHOOK, next_digest
from exchange.subscriptions import store as subscriptions
from exchange.subscriptions.tables import Subscription
from exchange.violations.tables import Violation
from exchange.violations.types import BY_CLOCK
from exchange.worker import BACKLOG, CHORES
from kernel.database import Database
from kernel.tables import AuditRow, OutboxRow
from kernel.terms import Term
from kernel.workdays import local_date
from tests.integration.exchange.corrections.test_clock import overdue
from tests.support.sharing import NOW, Sharing, sharing, signed, subscribed

LEAP = datetime(2030, 3, 1, 2, 0, tzinfo=NOW.tzinfo)
DISPOSAL_DAYS = 20
LATER = date(2098, 12, 31)
_numbers = count(1_000_000)
# What a turn tells of itself, whether anything was due or not.
ITS_OWN = ("audit.anchored",)


async def turn(database: Database, now: datetime) -> None:
    """Let the worker do all of its chores once, as at a moment."""

    async def undisposed(session: object, moment: datetime) -> int | None:
        return await mark_undisposed(session, moment, days=DISPOSAL_DAYS)  # type: ignore[arg-type]

    for chore in [*(chore for _name, chore, _seconds in CHORES), undisposed]:
        done: int | None = BACKLOG
        while done is not None and done >= BACKLOG:
            async with database.transaction() as session:
                done = await chore(session, now)


async def traces(database: Database) -> Counter[tuple[str, ...]]:
    """Return what was counted, decided and told so far, with how often."""
    async with database.reading() as session:
        held = (await session.exec(select(Violation))).all()
        told = (await session.exec(select(OutboxRow))).all()
        kept = (await session.exec(select(AuditRow))).all()
    return (
        Counter(("violation", each.type, each.thing_id, each.occasion) for each in held)
        + Counter(("event", each.type, each.key, _clock(each.payload)) for each in told)
        + Counter(
            ("audit", each.event, each.subject_id, _clock(each.details))
            for each in kept
            if each.event not in ITS_OWN
        )
    )


def _clock(facts: Mapping[str, object]) -> str:
    """One entry has several deadlines."""
    return str(facts.get("clock", ""))


async def everything_due(database: Database) -> Sharing:
    """Begin each clock of the law, and a subscription that ends."""
    world = await sharing(database)
    await signed(database, world)
    await subscribed(database, world)
    recorded, day = await subscribed(database, world), local_date(NOW)
    correction = await overdue(database, world)
    async with database.transaction() as session:
        await subscriptions.write_delivery(session, recorded, delivered_at=NOW)
        row = await session.get_one(Subscription, recorded)
        row.valid_until, row.usage_due_on = LATER, day + timedelta(days=365)
        raised = await session.get_one(Correction, correction)
        raised.due_at = NOW + timedelta(days=14)
        for kind, days in ((Kind.UPDATE, 10), (Kind.REVIEW, 2), (Kind.YEARLY, 0)):
            await deadlines.begin(session, world.resource_id, kind, Term(day, days), now=NOW)
        await deadlines.begin(
            session, world.resource_id, Kind.SOURCE_LOST, Term(day, 10), now=NOW, subject="DE-id"
        )
        assert await directory.authorities(session)
    return world


async def test_all_that_is_due_fires_once_after_a_leap_and_nothing_again_when_it_is_set_back(
    own: Database,
) -> None:
    world = await everything_due(own)
    await turn(own, NOW + timedelta(hours=1))
    before = await traces(own)
    assert not any(trace[0] == "violation" for trace in before)

    await turn(own, LEAP)
    leapt = await traces(own)
    fired = leapt - before
    assert {trace[1] for trace in fired if trace[0] == "violation"} == set(BY_CLOCK.values())
    assert set(fired.values()) == {1}
    ended = {trace[2] for trace in fired if trace[:2] == ("event", "subscription.expired")}
    async with own.reading() as session:
        mine = col(Subscription.consumer_department) == world.consumer
        rows = (await session.exec(select(Subscription).where(mine))).all()
    assert ended == {row.id for row in rows if row.valid_until < LATER}

    for moment in (NOW, NOW - timedelta(days=400), LEAP, LEAP + timedelta(seconds=1)):
        await turn(own, moment)
        assert await traces(own) == leapt, moment


async def test_workers_whose_clocks_differ_by_years_count_a_missed_day_once(own: Database) -> None:
    world = await sharing(own)
    application = await signed(own, world)
    moments = [NOW, LEAP, LEAP - timedelta(days=365), LEAP + timedelta(days=1)]
    await asyncio.gather(*(turn(own, moment) for moment in moments))
    found = await traces(own)
    assert [trace for trace in found.elements() if application.id in trace[2:]].count(
        ("violation", "reply_late", application.id, "")
    ) == 1
    assert found["event", "deadline.breached", application.id, "C4"] == 1


async def test_a_clock_that_was_ahead_silences_no_department(own: Database) -> None:
    """The next digest was due in the year of the leap: nobody was told of anything until then."""
    world = await sharing(own)
    await happened(own, world)
    async with own.transaction() as session:
        await notices.open_channel(session, world.consumer, WEBHOOK, None)
        await session.execute(
            text("UPDATE exchange.notice_channel SET after = 0 WHERE department = :id").bindparams(
                id=world.consumer
            )
        )
    first = await claimed(own, LEAP)
    async with own.transaction() as session:
        next_at = next_digest(DAILY, LEAP)
        await notices.told(session, "me", first, next_at, LEAP)
    await happened(own, world)
    second = await claimed(own, NOW)
    # Nothing is told twice, and nothing is left out.
    assert second.after == first.upto < second.upto


async def happened(database: Database, world: Sharing) -> None:
    """Leave an event for the consumer behind."""
    async with database.transaction() as session:
        event = FeedEvent(
            outbox_id=next(_numbers), generation=1, type="t", thing="t", at=NOW, payload={}
        )  # fmt: skip
        session.add(event)
        await session.flush()
        assert event.id is not None
        session.add(
            FeedReader(department=world.consumer, event_id=event.id, type="t", oversees=False)
        )


async def claimed(database: Database, now: datetime) -> notices.Due:
    async with database.single() as connection:
        (due,) = await notices.claim(connection, "me", [WEBHOOK], 10, now)
    return due
