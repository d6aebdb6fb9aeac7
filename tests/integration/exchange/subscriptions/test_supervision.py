"""Suspending, resuming, ending and expiring on the real database (Order 809 Art 27)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, func, select

from auth.errors import NotYourDepartment, RoleRequired
from exchange.errors import FilingRequired, SubscriptionExpired, SubscriptionSuspended
from exchange.parties import Side
from exchange.subscriptions import grants, register, supervision
from exchange.subscriptions.states import State
from exchange.subscriptions.tables import Subscription, SubscriptionHistory
from kernel.database import Database
from kernel.errors import Conflict, Forbidden, IllegalTransition, Invalid, NotFound
from kernel.paging import PageRequest
from kernel.tables import AuditRow, OutboxRow
from kernel.workdays import SHANGHAI
from tests.support.sharing import NOW, sharing, subscribed

AFTER = datetime(2027, 1, 1, tzinfo=SHANGHAI)
Step = Callable[..., Awaitable[Subscription]]
SUSPENSION: dict[str, Any] = {"reason": "超范围使用", "remedy_by": date(2026, 7, 31)}
STEPS: dict[str, tuple[Step, dict[str, Any]]] = {
    "suspend": (supervision.suspend, SUSPENSION),
    "resume": (supervision.resume, {}),
    "terminate": (supervision.terminate, {"reason": "r"}),
    "file-termination": (supervision.file_termination, {"reference": "桂数备〔2026〕1号"}),
}


async def test_suspension_stops_delivery_until_it_is_resumed(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        row = await supervision.suspend(session, world.provider_head, sid, now=NOW, **SUSPENSION)
        assert (row.status, row.suspended_by) == ("suspended", "provider")
        with pytest.raises(SubscriptionSuspended):
            grants.check_active(await grants.load(session, sid), NOW)
        row = await supervision.resume(session, world.provider_head, sid, now=NOW)
        assert (row.status, row.suspend_reason, row.remedy_by) == ("active", None, None)
        grants.check_active(await grants.load(session, sid), NOW)
    async with database.reading() as session:
        steps = await register.history(session, sid)
        assert [step.action for step in steps] == ["grant", "suspend", "resume"]
        assert steps[1].details["suspend_reason"] == "超范围使用"
        told = select(OutboxRow.type).where(OutboxRow.key == sid).order_by(col(OutboxRow.id))
        assert list((await session.exec(told)).all()) == [
            "subscription.granted",
            "subscription.suspended",
            "subscription.resumed",
        ]
        events = select(AuditRow.event).where(AuditRow.subject_id == sid)
        assert set((await session.exec(events)).all()) == {
            "subscription.granted",
            "subscription.suspended",
            "subscription.resumed",
        }


async def test_only_the_authority_lifts_its_own_suspension(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        await supervision.suspend(session, world.overseer, sid, now=NOW, **SUSPENSION)
        with pytest.raises(Forbidden):
            await supervision.resume(session, world.provider_head, sid, now=NOW)
        row = await supervision.resume(session, world.overseer, sid, now=NOW)
    assert row.status == "active"


async def test_the_remedy_day_is_not_in_the_past(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        with pytest.raises(Invalid):
            await supervision.suspend(
                session, world.overseer, sid, reason="r", remedy_by=date(2026, 6, 30), now=NOW
            )


async def test_the_consumer_ends_any_time(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        row = await supervision.terminate(session, world.head, sid, reason="目的已实现", now=NOW)
    assert (row.status, row.end_reason, row.ended_at) == ("terminated", "目的已实现", NOW)


async def test_the_provider_ends_only_what_the_authority_has_filed(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        with pytest.raises(FilingRequired):
            await supervision.terminate(session, world.provider_head, sid, reason="r", now=NOW)
        await supervision.file_termination(
            session, world.overseer, sid, reference="桂数备〔2026〕1号", now=NOW
        )
        row = await supervision.terminate(session, world.provider_head, sid, reason="r", now=NOW)
    assert (row.status, row.filing) == ("terminated", "桂数备〔2026〕1号")


async def test_the_authority_ends_unremedied_misuse(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        await supervision.suspend(session, world.overseer, sid, now=NOW, **SUSPENSION)
        row = await supervision.terminate(session, world.overseer, sid, reason="逾期", now=NOW)
        assert row.status == "terminated"
        for step, extra in STEPS.values():
            with pytest.raises(IllegalTransition) as refused:
                await step(session, world.overseer, sid, now=NOW, **extra)
            assert refused.value.facts == {"state": "terminated", "allowed": []}


@pytest.mark.parametrize("action", STEPS)
async def test_outsiders_do_not_know_of_it_and_clerks_do_not_act(
    database: Database, action: str
) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    step, extra = STEPS[action]
    async with database.transaction() as session:
        with pytest.raises(NotFound):
            await step(session, world.outsider, sid, now=NOW, **extra)
        for principal in (world.clerk, world.provider_clerk, world.auditor):
            with pytest.raises((RoleRequired, NotYourDepartment)):
                await step(session, principal, sid, now=NOW, **extra)


async def test_reading_and_lists_keep_departments_apart(database: Database) -> None:
    world, other = await sharing(database), await sharing(database)
    sid, foreign = await subscribed(database, world), await subscribed(database, other)
    request = PageRequest(limit=200)
    async with database.reading() as session:
        for principal in (world.clerk, world.provider_head, world.overseer, world.auditor):
            assert (await register.find(session, principal, sid)).id == sid
        with pytest.raises(NotFound):
            await register.find(session, other.clerk, sid)
        for principal in (world.clerk, world.provider_clerk):
            page = await register.page(session, principal, request, now=NOW)
            assert [row.id for row in page.items] == [sid]
        page = await register.page(session, world.clerk, request, now=NOW, side=Side.PROVIDER)
        assert page.items == []
        page = await register.page(
            session, world.auditor, request, now=NOW, resource_id=other.resource_id
        )
        assert [row.id for row in page.items] == [foreign]
        page = await register.page(
            session, world.auditor, request, now=NOW, client_id=world.client_id
        )
        assert [row.id for row in page.items] == [sid]


async def test_a_subscription_expires_by_itself_before_any_loop_sees_it(
    database: Database,
) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)
    async with database.transaction() as session:
        row = await register.find(session, world.clerk, sid)
        assert register.status_at(row, AFTER - timedelta(microseconds=1)) == "active"
        assert register.status_at(row, AFTER) == "expired"
        with pytest.raises(SubscriptionExpired):
            grants.check_active(await grants.load(session, sid), AFTER)
        with pytest.raises(IllegalTransition) as refused:
            await supervision.suspend(session, world.overseer, sid, now=AFTER, **SUSPENSION)
        assert refused.value.facts == {"state": "expired", "allowed": ["renew"]}
        request = PageRequest()
        for status, expected in ((State.EXPIRED, [sid]), (State.ACTIVE, [])):
            page = await register.page(session, world.clerk, request, now=AFTER, status=status)
            assert [row.id for row in page.items] == expected


async def test_five_workers_at_once_expire_each_subscription_once(database: Database) -> None:
    world = await sharing(database)
    ids = [await subscribed(database, world) for _ in range(8)]
    async with database.transaction() as session:
        await supervision.suspend(session, world.overseer, ids[0], now=NOW, **SUSPENSION)
        await supervision.terminate(session, world.head, ids[1], reason="r", now=NOW)

    async def worker() -> int:
        async with database.transaction() as session:
            return await supervision.expire_due(session, AFTER)

    await asyncio.gather(*(worker() for _ in range(5)))
    async with database.transaction() as session:
        assert await supervision.expire_due(session, AFTER) == 0
        steps = await session.exec(
            select(SubscriptionHistory.subscription_id, func.count())
            .where(
                col(SubscriptionHistory.subscription_id).in_(ids),
                SubscriptionHistory.action == "expire",
            )
            .group_by(SubscriptionHistory.subscription_id)
        )
        assert dict(steps.all()) == {sid: 1 for sid in ids if sid != ids[1]}


async def test_suspension_and_expiry_have_one_outcome(database: Database) -> None:
    world = await sharing(database)
    last_moment = AFTER - timedelta(seconds=1)
    for _ in range(5):
        sid = await subscribed(database, world)

        async def suspend(which: str = sid) -> str:
            async with database.transaction() as session:
                row = await supervision.suspend(
                    session,
                    world.overseer,
                    which,
                    reason="r",
                    remedy_by=date(2026, 12, 31),
                    now=last_moment,
                )
                return row.status

        async def expire() -> str:
            async with database.transaction() as session:
                await supervision.expire_due(session, AFTER)
                return "expired"

        outcomes = await asyncio.gather(suspend(), expire(), return_exceptions=True)
        assert Counter(type(o) for o in outcomes if isinstance(o, Exception)) in (
            Counter(),
            Counter({IllegalTransition: 1}),
        )
        async with database.transaction() as session:
            await supervision.expire_due(session, AFTER)
            row = await register.find(session, world.clerk, sid)
            assert row.status == "expired"


async def test_thirty_suspensions_make_one(database: Database) -> None:
    world = await sharing(database)
    sid = await subscribed(database, world)

    async def suspend() -> str:
        try:
            async with database.transaction() as session:
                row = await supervision.suspend(session, world.overseer, sid, now=NOW, **SUSPENSION)
                return row.status
        except Conflict as error:
            return error.code

    outcome = Counter(await asyncio.gather(*(suspend() for _ in range(30))))
    assert outcome == {"suspended": 1, "illegal_transition": 29}
