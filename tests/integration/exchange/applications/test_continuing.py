"""Renewals and amendments: the same subscription goes on under new terms."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from auth.errors import RoleRequired
from auth.tables import Department
from catalog.tables import ResourceVersion
from exchange import store as moving
from exchange.applications import agreement, apply, continuing, review
from exchange.applications.narrowing import Narrowing
from exchange.applications.tables import Application
from exchange.recalls import store as recalls
from exchange.subscriptions import earlier, grants, register, supervision
from exchange.subscriptions.conditions import Condition, Op
from exchange.subscriptions.tables import Subscription
from kernel.database import Database
from kernel.errors import Conflict, IllegalTransition, Invalid, NotFound
from tests.support.sharing import NOW, Sharing, client, sharing, subscribed

LATER = date(2027, 12, 31)
ENDED = date(2026, 12, 31)


async def asked(
    database: Database,
    world: Sharing,
    subscription: str,
    now: datetime = NOW,
    **changes: Any,  # noqa: ANN401 - terms of either
) -> Application:
    ask = continuing.renew if "valid_until" in changes else continuing.amend
    async with database.transaction() as session:
        return await ask(session, world.clerk, subscription, changes, now=now)


async def agreed(
    database: Database,
    world: Sharing,
    application: Application,
    now: datetime = NOW,
    said: Narrowing = agreement.AS_ASKED,
) -> Application:
    async with database.transaction() as session:
        await apply.sign(session, world.head, application.id, now=now)
    async with database.transaction() as session:
        return await agreement.agree(
            session, world.provider_head, application.id, said=said, now=now
        )


async def shown(database: Database, subscription: str) -> Subscription:
    async with database.reading() as session:
        return await moving.get(session, Subscription, subscription)


async def test_a_renewal_keeps_subscription_position_and_terms(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    async with database.transaction() as session:
        await grants.commit_position(session, subscription, {"0": 17}, now=NOW)
    before = await shown(database, subscription)
    renewal = await asked(database, world, subscription, valid_until=LATER)
    assert (renewal.renews, renewal.amends, renewal.items) == (subscription, None, before.items)
    done = await agreed(database, world, renewal)
    assert (done.status, done.subscription_id) == ("agreed", subscription)
    after = await shown(database, subscription)
    assert (after.status, after.valid_until) == ("active", LATER)
    same = ("position", "items", "masks", "row_filter", "deliver_by", "application_id", "mode")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    async with database.reading() as session:
        steps = [step.action for step in await register.history(session, subscription)]
    assert steps == ["grant", "renew"]


async def test_the_providers_own_condition_and_lifted_mask_stay(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    narrower = Narrowing(
        items=("id", "division"),
        unmasked=("id",),
        row_filter=(Condition("amount", Op.GT, 5),),
    )
    amended = await asked(database, world, subscription, records_per_day=2000)
    await agreed(database, world, amended, said=narrower)
    async with database.reading() as session:
        # Nothing leaves until it is listed what the condition hides of that which was handed on.
        lists = await recalls.standing(session, [subscription])
        assert lists == {subscription: recalls.Standing(0, making=True)}
    after = await shown(database, subscription)
    assert (after.items, after.unmasked, after.records_per_day) == (
        ["id", "division"],
        ["id"],
        2000,
    )
    renewal = await asked(database, world, subscription, valid_until=LATER)
    await agreed(database, world, renewal)
    assert (await shown(database, subscription)).unmasked == ["id"]


async def test_a_suspension_stays_and_an_end_of_thirty_days_heals(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    async with database.transaction() as session:
        await supervision.suspend(
            session, world.overseer, subscription, reason="r", remedy_by=ENDED, now=NOW
        )
    renewal = await asked(database, world, subscription, valid_until=LATER)
    await agreed(database, world, renewal)
    after = await shown(database, subscription)
    assert (after.status, after.valid_until, after.suspend_reason) == ("suspended", LATER, "r")

    other = await sharing(database)
    lapsed = await subscribed(database, other)
    thirty = NOW.replace(year=2027, month=1, day=30)
    async with database.transaction() as session:
        await supervision.expire_due(session, thirty)
    assert (await shown(database, lapsed)).status == "expired"
    with pytest.raises(Conflict):
        await asked(database, other, lapsed, thirty + timedelta(days=1), valid_until=LATER)
    with pytest.raises(IllegalTransition):
        await asked(database, other, lapsed, thirty, records_per_day=5)
    again = await asked(database, other, lapsed, thirty, valid_until=LATER)
    await agreed(database, other, again, thirty)
    healed = await shown(database, lapsed)
    assert (healed.status, healed.ended_at, healed.valid_until) == ("active", None, LATER)


async def test_one_is_open_at_a_time_whoever_races(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)

    async def one(number: int) -> bool:
        changes: dict[str, Any] = (
            {"valid_until": LATER} if number % 2 else {"records_per_day": number + 2000}
        )
        try:
            await asked(database, world, subscription, **changes)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(one(number) for number in range(10)))) == 1


async def test_a_mode_a_wider_filter_and_another_system_keep_the_subscription(
    database: Database,
) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    async with database.transaction() as session:
        await grants.commit_position(session, subscription, {"0": 17}, now=NOW)
        session.add(client("system-b", world.consumer))
    before = await shown(database, subscription)
    wider = (Condition("division", Op.PREFIX, "45"),)
    draft = await asked(
        database, world, subscription, mode="query", row_filter=wider, client_id="system-b"
    )
    await agreed(database, world, draft)
    after = await shown(database, subscription)
    assert (after.mode, after.client_id) == ("query", "system-b")
    assert after.row_filter == [wider[0].as_json()]
    same = ("id", "position", "valid_until", "items", "masks", "deliver_by", "application_id")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert after.revision > before.revision
    async with database.reading() as session:
        terms = (await earlier.of(session, [subscription]))[subscription]
    # What was read until then is still known by the filter that held.
    assert [row.row_filter for row in terms] == [before.row_filter]
    narrower = (Condition("division", Op.PREFIX, "450103"),)
    await agreed(database, world, await asked(database, world, subscription, row_filter=narrower))
    assert (await shown(database, subscription)).row_filter == [narrower[0].as_json()]


async def test_agreed_details_end_with_the_mode_they_were_agreed_for(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    amended = await asked(database, world, subscription, records_per_day=2000)
    await agreed(database, world, amended, said=Narrowing(ledger=True))
    assert (await shown(database, subscription)).ledger
    await agreed(database, world, await asked(database, world, subscription, records_per_day=3000))
    assert (await shown(database, subscription)).ledger
    await agreed(database, world, await asked(database, world, subscription, mode="query"))
    assert not (await shown(database, subscription)).ledger


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mode": "file"}, "not_in_code_list"),
        ({"valid_from": date(2026, 8, 1), "items": ("id",)}, "fixed"),
    ],
)
async def test_what_cannot_go_on_is_refused_with_the_reason(
    database: Database, changes: dict[str, Any], code: str
) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    before = await shown(database, subscription)
    with pytest.raises(Invalid) as refused:
        await asked(database, world, subscription, **changes)
    assert [error.code for error in refused.value.errors] == [code]
    draft = await asked(database, world, subscription, items=("id", "division"))
    async with database.transaction() as session:
        with pytest.raises(Invalid):
            await apply.change(session, world.clerk, draft.id, changes, revision=None, now=NOW)
    assert await shown(database, subscription) == before
    async with database.transaction() as session:
        await apply.sign(session, world.head, draft.id, now=NOW)
        with pytest.raises(Conflict):
            await review.reroute(
                session, world.overseer, draft.id, resource_id="other", reason="r", now=NOW
            )


async def test_a_new_condition_is_about_items_that_are_shown_in_a_rewritten_draft_too(
    database: Database,
) -> None:
    """A draft's own conditions counted as granted ones: dropping their item let them stand."""
    world = await sharing(database)
    subscription = await subscribed(database, world)
    await agreed(database, world, await asked(database, world, subscription, mode="query"))
    more = (Condition("division", Op.PREFIX, "4501"), Condition("amount", Op.GT, 5))
    draft = await asked(database, world, subscription, row_filter=more)
    fewer = {"items": ("id", "division")}
    async with database.transaction() as session:
        with pytest.raises(Invalid) as refused:
            await apply.change(session, world.clerk, draft.id, fewer, revision=None, now=NOW)
    assert [error.code for error in refused.value.errors] == ["filter_not_granted"]


async def test_what_is_pushed_keeps_its_system_for_the_endpoint_is_that_systems(
    database: Database,
) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    async with database.transaction() as session:
        session.add(client("system-c", world.consumer))
        version = await session.get_one(ResourceVersion, (world.resource_id, 1))
        version.share_modes = ["pull", "push"]
        session.add(version)
    with pytest.raises(Invalid) as refused:
        await asked(database, world, subscription, mode="push", client_id="system-c")
    assert [error.path for error in refused.value.errors] == ["client_id"]
    await agreed(database, world, await asked(database, world, subscription, client_id="system-c"))
    # Pushed again, it would go where the first system's endpoint is.
    with pytest.raises(Invalid) as refused:
        await asked(database, world, subscription, mode="push")
    assert [error.path for error in refused.value.errors] == ["client_id"]


async def test_nothing_to_change_ended_and_foreign_ones_are_refused(database: Database) -> None:
    world = await sharing(database)
    subscription = await subscribed(database, world)
    with pytest.raises(Invalid):
        await asked(database, world, subscription, records_per_day=1000)
    async with database.transaction() as session:
        ask = {"valid_until": LATER}
        with pytest.raises(RoleRequired):
            await continuing.renew(session, world.head, subscription, ask, now=NOW)
        with pytest.raises(NotFound):
            await continuing.renew(session, world.outsider, subscription, ask, now=NOW)
    renewal = await asked(database, world, subscription, valid_until=LATER)
    async with database.transaction() as session:
        await supervision.terminate(session, world.head, subscription, reason="r", now=NOW)
    with pytest.raises(IllegalTransition):
        await agreed(database, world, renewal)
    async with database.transaction() as session:
        await apply.withdraw(session, world.clerk, renewal.id, now=NOW)
    with pytest.raises(IllegalTransition):
        await asked(database, world, subscription, valid_until=LATER)


async def test_standing_consent_holds_for_renewals_alone(database: Database) -> None:
    world = await sharing(database, share_type="unconditional")
    subscription = await subscribed(database, world)
    async with database.transaction() as session:
        provider = await session.get_one(Department, world.provider)
        provider.standing_consent = True
        session.add(provider)
    amendment = await asked(database, world, subscription, records_per_day=9)
    async with database.transaction() as session:
        signed = await apply.sign(session, world.head, amendment.id, now=NOW)
        assert signed.status == "submitted"
        await apply.withdraw(session, world.head, amendment.id, now=NOW)
    renewal = await asked(database, world, subscription, valid_until=LATER)
    async with database.transaction() as session:
        signed = await apply.sign(session, world.head, renewal.id, now=NOW)
    assert (signed.status, signed.subscription_id) == ("agreed", subscription)
