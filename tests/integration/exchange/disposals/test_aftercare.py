"""What a consumer owes after the grant: use records (Art 29) and disposal (Art 27)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from deploy.local.stack import Endpoints
from exchange import store as moving
from exchange.applications import review
from exchange.applications.review import RefusalCode
from exchange.disposals import awaited as disposals
from exchange.disposals import disposal
from exchange.disposals.states import Action
from exchange.subscriptions import supervision
from exchange.subscriptions.tables import Subscription
from exchange.usage import awaited, records
from exchange.usage.clockwork import mark_unrecorded
from exchange.usage.records import Usage
from exchange.violations import register as violations
from exchange.violations.types import Type
from kernel.database import Database
from kernel.errors import Conflict, IllegalTransition, Invalid, NotFound
from kernel.paging import PageRequest
from kernel.workdays import local_date
from tests.support.databases import own_database
from tests.support.sharing import NOW, Sharing, sharing, signed, subscribed

TODAY = local_date(NOW)
DAYS = 20


@pytest.fixture(scope="module")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=20) as opened:
        yield opened


async def ended(database: Database, world: Sharing) -> str:
    subscription = await subscribed(database, world)
    async with database.transaction() as session:
        await supervision.terminate(session, world.head, subscription, reason="r", now=NOW)
    return subscription


async def report(database: Database, world: Sharing, subscription: str) -> str:
    async with database.transaction() as session:
        moved = await disposal.report(
            session,
            world.head,
            subscription,
            method="覆写销毁",
            done_on=TODAY,
            days=DAYS,
            now=NOW,
        )
    return moved.state


async def answer(database: Database, world: Sharing, subscription: str, action: Action) -> str:
    async with database.transaction() as session:
        moved = await disposal.answer(
            session, world.provider_head, subscription, action, days=DAYS, now=NOW
        )
    return moved.state


async def test_a_disposal_is_reported_returned_and_confirmed(database: Database) -> None:
    world = await sharing(database)
    subscription = await ended(database, world)
    async with database.reading() as session:
        due = await disposal.find(session, world.provider_head, subscription, days=DAYS, now=NOW)
    assert (due.state, due.row, due.allowed) == ("due", None, ())
    with pytest.raises(IllegalTransition):
        await answer(database, world, subscription, Action.CONFIRM)
    assert await report(database, world, subscription) == "reported"
    assert await answer(database, world, subscription, Action.RETURN) == "returned"
    assert await report(database, world, subscription) == "reported"
    assert await answer(database, world, subscription, Action.CONFIRM) == "confirmed"
    with pytest.raises(IllegalTransition):
        await report(database, world, subscription)


async def test_of_ten_answers_at_once_one_holds(database: Database) -> None:
    world = await sharing(database)
    subscription = await ended(database, world)
    first = await asyncio.gather(
        *(report(database, world, subscription) for _ in range(5)), return_exceptions=True
    )
    assert [isinstance(each, IllegalTransition) for each in first].count(True) == 4
    actions = [Action.CONFIRM, Action.RETURN] * 5
    answers = await asyncio.gather(
        *(answer(database, world, subscription, action) for action in actions),
        return_exceptions=True,
    )
    assert [isinstance(each, IllegalTransition) for each in answers].count(True) == 9


async def test_nothing_is_disposed_of_while_it_is_shared_nor_by_others(
    database: Database,
) -> None:
    world = await sharing(database)
    live = await subscribed(database, world)
    with pytest.raises(Conflict):
        await report(database, world, live)
    subscription = await ended(database, world)
    async with database.transaction() as session:
        for done_on in (TODAY - timedelta(days=1), TODAY + timedelta(days=1)):
            with pytest.raises(Invalid):
                await disposal.report(
                    session,
                    world.head,
                    subscription,
                    method="m",
                    done_on=done_on,
                    days=DAYS,
                    now=NOW,
                )
        said = {"method": "m", "done_on": TODAY, "days": DAYS, "now": NOW}
        for who, error in (
            (world.clerk, RoleRequired),
            (world.provider_head, NotYourDepartment),
            (world.outsider, NotFound),
        ):
            with pytest.raises(error):
                await disposal.report(session, who, subscription, **said)  # type: ignore[arg-type]


async def test_use_is_recorded_by_the_consumer_and_read_by_both(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    usage = Usage(
        period_from=TODAY, period_to=TODAY, scenario="s", process="p", effect="e", storage="库"
    )
    async with database.transaction() as session:
        for _ in range(3):
            await records.record(session, world.head, subscription, usage, now=NOW)
        for who, error in (
            (world.provider_head, NotYourDepartment),
            (world.clerk, RoleRequired),
            (world.outsider, NotFound),
        ):
            with pytest.raises(error):
                await records.record(session, who, subscription, usage, now=NOW)
        for first, last in ((-1, 0), (0, 1), (0, -1)):
            wrong = Usage(
                period_from=TODAY + timedelta(days=first),
                period_to=TODAY + timedelta(days=last),
                scenario="s",
                process="p",
                effect="e",
                storage="s",
            )
            with pytest.raises(Invalid):
                await records.record(session, world.head, subscription, wrong, now=NOW)
    async with database.reading() as session:
        for who in (world.provider_clerk, world.overseer, world.auditor):
            page = await records.page(session, who, subscription, PageRequest(limit=2))
            assert len(page.items) == 2
            assert page.next_cursor is not None
        with pytest.raises(NotFound):
            await records.page(session, world.outsider, subscription, PageRequest())


async def test_use_that_is_not_on_record_a_year_long_is_counted_once(database: Database) -> None:
    """C8: the day moves with what is recorded, and a missed one is one violation."""
    world = await sharing(database)
    subscription = await subscribed(database, world)
    unread = await subscribed(database, world)
    due = TODAY + timedelta(days=365)
    await _granted_until(database, (subscription, unread), due + timedelta(days=800))
    async with database.transaction() as session:
        row = await moving.lock(session, Subscription, subscription)
        assert row.usage_due_on == due
        row.delivered_at = NOW
    assert await _to_record(database, world, due - timedelta(days=31)) == []
    assert await _to_record(database, world, due - timedelta(days=30)) == [subscription]
    assert await _late(database, NOW + timedelta(days=365)) == 0
    # Where nothing was delivered nothing was used.
    assert await _late(database, NOW + timedelta(days=366)) == 1
    assert await _late(database, NOW + timedelta(days=400)) == 0
    usage = Usage(
        period_from=TODAY, period_to=due, scenario="s", process="p", effect="e", storage="库"
    )
    async with database.transaction() as session:
        later = NOW + timedelta(days=400)
        await records.record(session, world.head, subscription, usage, now=later)
    assert await _to_record(database, world, due + timedelta(days=35)) == []
    assert await _late(database, NOW + timedelta(days=2 * 365)) == 0
    assert await _late(database, NOW + timedelta(days=2 * 365 + 1)) == 1
    async with database.reading() as session:
        scope = violations.Scope(department=world.consumer)
        page = await violations.cases(session, scope, Type.USE_NOT_RECORDED, PageRequest())
    assert [case.occasion for case in page.items] == [str(due), str(due + timedelta(days=365))]


async def _granted_until(database: Database, subscriptions: Sequence[str], day: date) -> None:
    async with database.transaction() as session:
        for each in subscriptions:
            (await moving.lock(session, Subscription, each)).valid_until = day


async def _late(database: Database, moment: datetime) -> int:
    async with database.transaction() as session:
        return await mark_unrecorded(session, moment)


async def _to_record(database: Database, world: Sharing, day: date) -> list[str]:
    async with database.reading() as session:
        assert await awaited.tasks(session, world.clerk, PageRequest(), day) == []
        found = await awaited.tasks(session, world.head, PageRequest(), day)
    return [each.id for each in found if each.kind == "subscription.record-use"]


async def test_a_disposal_waits_for_the_head_of_one_side_and_then_of_the_other(
    database: Database,
) -> None:
    world = await sharing(database)
    subscription = await ended(database, world)

    async def waits() -> list[list[str]]:
        async with database.reading() as session:
            both = [
                await disposals.tasks(session, head, PageRequest())
                for head in (world.head, world.provider_head)
            ]
        return [[each.kind for each in of if each.id == subscription] for of in both]

    assert await waits() == [["subscription.disposal-report"], []]
    await report(database, world, subscription)
    assert await waits() == [[], ["subscription.disposal-confirm"]]
    await answer(database, world, subscription, Action.RETURN)
    assert await waits() == [["subscription.disposal-report"], []]
    await report(database, world, subscription)
    await answer(database, world, subscription, Action.CONFIRM)
    assert await waits() == [[], []]


async def test_a_refusal_leads_to_the_right_source(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        for code, source in (
            (RefusalCode.OTHER, world.authority),
            (RefusalCode.NOT_OUR_DATA, "nobody"),
            (RefusalCode.NOT_OUR_DATA, world.provider),
        ):
            with pytest.raises(Invalid) as refused:
                await review.refuse(
                    session,
                    world.provider_head,
                    application.id,
                    code=code,
                    reason="r",
                    source_department=source,
                    now=NOW,
                )
            assert refused.value.errors[0].path == "source_department"
        decided = await review.refuse(
            session,
            world.provider_head,
            application.id,
            code=RefusalCode.NOT_OUR_DATA,
            reason="r",
            source_department=world.authority,
            now=NOW,
        )
    assert decided.decision is not None
    assert decided.decision["source_department"] == world.authority
    assert decided.decision["source_name"] == world.authority
