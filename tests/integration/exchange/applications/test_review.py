"""The provider's and the authority's side on the real database (Order 809 Art 21)."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from exchange.applications import agreement, register, review
from exchange.applications.deadlines import Limits
from exchange.applications.narrowing import Narrowing
from exchange.applications.review import RefusalCode
from exchange.applications.tables import Application
from exchange.subscriptions import grants
from exchange.subscriptions import register as subscriptions
from exchange.subscriptions.conditions import Condition, Op
from kernel.database import Database
from kernel.errors import Conflict, Invalid, NotFound
from kernel.workdays import SHANGHAI
from tests.support.sharing import MASKS, NOW, Sharing, drafted, resource_of, sharing, signed

Step = Callable[..., Awaitable[Application]]


async def test_agreeing_makes_the_subscription_that_was_asked_for(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        moved = await agreement.agree(session, world.provider_head, application.id, now=NOW)
    assert (moved.status, moved.decided_at) == ("agreed", NOW)
    async with database.reading() as session:
        grant = await grants.load(session, moved.subscription_id or "")
        row = await subscriptions.find(session, world.clerk, grant.id)
    assert grant.items == ("id", "name", "division", "amount")
    assert grant.elements == {item: f"DE-{item}" for item in grant.items}
    assert grant.masks == MASKS
    assert grant.row_filter == (Condition("division", Op.PREFIX, "4501"),)
    assert (grant.mode, grant.records_per_day, grant.status) == ("pull", 1000, "active")
    assert grant.client_id == world.client_id
    assert grant.consumer_department == world.consumer
    assert grant.valid_until_moment == datetime(2027, 1, 1, tzinfo=SHANGHAI)
    assert row.deliver_by.isoformat() == "2026-07-29T16:00:00+00:00"
    grants.check_active(grant, NOW)


async def test_agreeing_may_narrow_and_lift_masks(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    said = Narrowing(
        items=("id", "name", "division"),
        unmasked=("id",),
        row_filter=(Condition("amount", Op.GE, 1),),
        records_per_day=10,
        valid_until=date(2026, 8, 1),
        note="限一个月",
    )
    async with database.transaction() as session:
        moved = await agreement.agree(
            session, world.provider_head, application.id, said=said, now=NOW
        )
        grant = await grants.load(session, moved.subscription_id or "")
    assert grant.items == ("id", "name", "division")
    assert grant.elements == {item: f"DE-{item}" for item in (*grant.items, "amount")}
    assert grant.masks == {"name": MASKS["name"]}
    assert grant.unmasked == {"id"}
    assert [condition.item for condition in grant.row_filter] == ["division", "amount"]
    assert grant.records_per_day == 10
    assert grant.valid_until_moment == datetime(2026, 8, 2, tzinfo=SHANGHAI)
    assert moved.decision is not None
    assert moved.decision["note"] == "限一个月"


async def test_agreeing_never_widens(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    said = Narrowing(items=("division", "x"), records_per_day=2000)
    with pytest.raises(Invalid) as invalid:
        async with database.transaction() as session:
            await agreement.agree(session, world.provider_head, application.id, said=said, now=NOW)
    assert [error.path for error in invalid.value.errors] == ["items[1]", "records_per_day"]
    async with database.reading() as session:
        assert (await register.find(session, world.head, application.id)).status == "submitted"


async def test_an_extension_moves_the_deadline_when_the_authority_consents(
    database: Database,
) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        asked = await review.extend(
            session, world.provider_head, application.id, working_days=6, reason="量大", now=NOW
        )
        assert (asked.status, asked.due_at) == ("extension_requested", application.due_at)
        given = await review.consent_extension(session, world.overseer, application.id, now=NOW)
        assert (given.status, given.extended_days, given.asked_days) == ("submitted", 6, None)
        assert register.standing(given, NOW).remaining_working_days == 16
        with pytest.raises(Invalid) as invalid:
            await review.extend(
                session, world.provider_head, application.id, working_days=5, reason="再", now=NOW
            )
        assert invalid.value.errors[0].code == "out_of_range"
        await review.extend(
            session, world.provider_head, application.id, working_days=4, reason="再", now=NOW
        )
        denied = await review.deny_extension(session, world.overseer, application.id, now=NOW)
    assert (denied.status, denied.extended_days) == ("submitted", 6)
    assert register.standing(denied, NOW).remaining_working_days == 16


@pytest.mark.parametrize("working_days", [0, -1, 11])
async def test_an_extension_is_one_to_ten_working_days(
    database: Database, working_days: int
) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        with pytest.raises(Invalid):
            await review.extend(
                session,
                world.provider_head,
                application.id,
                working_days=working_days,
                reason="量大",
                now=NOW,
            )


async def test_a_missed_deadline_cannot_be_extended_any_more(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    late = NOW + timedelta(days=30)
    async with database.transaction() as session:
        with pytest.raises(Conflict, match="passed"):
            await review.extend(
                session, world.provider_head, application.id, working_days=1, reason="", now=late
            )


async def test_shorter_limits_of_a_region_are_kept(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        with pytest.raises(Invalid):
            await review.extend(
                session,
                world.provider_head,
                application.id,
                working_days=4,
                reason="量大",
                limits=Limits(extension=3),
                now=NOW,
            )


async def refused(database: Database, world: Sharing, **said: Any) -> Application:  # noqa: ANN401
    application = await signed(database, world)
    async with database.transaction() as session:
        return await review.refuse(session, world.provider_head, application.id, now=NOW, **said)


async def test_a_refusal_carries_code_and_reason(database: Database) -> None:
    world = await sharing(database)
    moved = await refused(
        database,
        world,
        code=RefusalCode.FORBIDDEN_BY_LAW,
        reason="法律明确禁止",
        basis="某法第一条",
    )
    assert moved.status == "refused"
    assert moved.decision == {"code": 1, "reason": "法律明确禁止", "basis": "某法第一条"}
    assert moved.subscription_id is None


async def test_unmet_conditions_must_be_those_of_the_catalogue(database: Database) -> None:
    world = await sharing(database)
    with pytest.raises(Invalid) as invalid:
        await refused(database, world, code=RefusalCode.CONDITIONS_NOT_MET, reason="不具备")
    assert [error.path for error in invalid.value.errors] == ["basis"]
    moved = await refused(
        database, world, code=RefusalCode.CONDITIONS_NOT_MET, reason="不具备", basis="限资格认证"
    )
    assert moved.decision is not None
    assert moved.decision["conditions"]["share_conditions"] == "限养老待遇资格认证使用"


async def test_unconditional_data_has_no_conditions_to_refuse_for(database: Database) -> None:
    world = await sharing(database, share_type="unconditional")
    with pytest.raises(Invalid) as invalid:
        await refused(
            database, world, code=RefusalCode.CONDITIONS_NOT_MET, reason="不具备", basis="x"
        )
    assert [error.path for error in invalid.value.errors] == ["code"]


async def test_rerouting_makes_a_new_application_with_its_own_clock(database: Database) -> None:
    world, right = await sharing(database), await sharing(database, share_type="unconditional")
    application = await signed(database, world)
    later = NOW + timedelta(days=5)
    async with database.transaction() as session:
        moved = await review.reroute(
            session,
            world.overseer,
            application.id,
            resource_id=right.resource_id,
            reason="数源在他处",
            now=later,
        )
        successor = await register.find(session, world.clerk, moved.rerouted_to or "")
    assert moved.status == "rerouted"
    assert (successor.status, successor.clock) == ("submitted", "C3")
    assert successor.provider_department == right.provider
    assert successor.rerouted_from == application.id
    assert register.standing(successor, later).remaining_working_days == 1
    assert (successor.items, successor.basis) == (application.items, application.basis)


async def test_rerouting_to_standing_consent_is_agreed_at_once(database: Database) -> None:
    world = await sharing(database)
    right = await sharing(database, share_type="unconditional", standing_consent=True)
    application = await signed(database, world)
    async with database.transaction() as session:
        moved = await review.reroute(
            session,
            world.overseer,
            application.id,
            resource_id=right.resource_id,
            reason="数源在他处",
            now=NOW,
        )
        successor = await register.find(session, world.clerk, moved.rerouted_to or "")
    assert successor.status == "agreed"


async def test_rerouting_goes_somewhere_else_that_exists(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        for resource_id, error in ((world.resource_id, Conflict), ("no-such", NotFound)):
            with pytest.raises(error):
                await review.reroute(
                    session,
                    world.overseer,
                    application.id,
                    resource_id=resource_id,
                    reason="",
                    now=NOW,
                )


STEPS: dict[str, tuple[Step, dict[str, Any]]] = {
    "agree": (agreement.agree, {}),
    "refuse": (review.refuse, {"code": RefusalCode.OTHER, "reason": "r"}),
    "extend": (review.extend, {"working_days": 1, "reason": "r"}),
    "request-supplement": (review.request_supplement, {"missing": ["m"], "message": "m"}),
    "reroute": (review.reroute, {"resource_id": "other", "reason": "r"}),
    "consent-extension": (review.consent_extension, {}),
    "deny-extension": (review.deny_extension, {}),
}


@pytest.mark.parametrize("action", STEPS)
async def test_the_consumer_does_not_answer_itself(database: Database, action: str) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    step, extra = STEPS[action]
    async with database.transaction() as session:
        for principal in (world.clerk, world.head, world.auditor):
            with pytest.raises((NotYourDepartment, RoleRequired)):
                await step(session, principal, application.id, now=NOW, **extra)
        with pytest.raises(NotFound):
            await step(session, world.outsider, application.id, now=NOW, **extra)


@pytest.mark.parametrize("action", STEPS)
async def test_a_draft_cannot_be_answered(database: Database, action: str) -> None:
    world = await sharing(database)
    draft = await drafted(database, world)
    step, extra = STEPS[action]
    mine = action in ("reroute", "consent-extension", "deny-extension")
    principal = world.overseer if mine else world.provider_head
    async with database.transaction() as session:
        # Until it is signed it is its own department's alone.
        with pytest.raises(NotFound):
            await step(session, principal, draft.id, now=NOW, **extra)


async def test_a_department_may_apply_for_its_own_resource(database: Database) -> None:
    world = await sharing(database)
    own = Sharing(
        world.consumer,
        world.consumer,
        world.authority,
        world.client_id,
        await resource_of(database, world.consumer),
    )
    application = await signed(database, own)
    async with database.transaction() as session:
        moved = await agreement.agree(session, own.head, application.id, now=NOW)
    assert moved.status == "agreed"
