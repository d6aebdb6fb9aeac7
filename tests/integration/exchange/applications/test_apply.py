"""The consumer's side on the real database (Order 809 Art 20)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from auth.errors import FourEyes, RoleRequired
from auth.principal import Principal, Role
from auth.tables import Client
from catalog.errors import ResourceNotPublished
from catalog.tables import Resource
from exchange.applications import apply, register, review
from exchange.applications.states import State
from exchange.applications.tables import Application
from exchange.errors import NotShareable
from exchange.parties import Side
from kernel.database import Database
from kernel.errors import Conflict, IllegalTransition, Invalid, NotFound, Stale
from kernel.paging import PageRequest
from kernel.tables import AuditRow, OutboxRow
from tests.support.sharing import NOW, Sharing, drafted, person, sharing, signed

Step = Callable[..., Awaitable[Application]]


async def audited(database: Database, subject_id: str) -> list[str]:
    async with database.reading() as session:
        query = select(AuditRow.event).where(AuditRow.subject_id == subject_id)
        return list((await session.exec(query.order_by(col(AuditRow.at)))).all())


async def announced(database: Database, key: str) -> list[str]:
    async with database.reading() as session:
        query = select(OutboxRow.type).where(OutboxRow.key == key)
        return list((await session.exec(query.order_by(col(OutboxRow.id)))).all())


async def test_a_clerk_drafts_and_the_head_signs(database: Database) -> None:
    world = await sharing(database)
    draft = await drafted(database, world)
    assert (draft.status, draft.due_at, draft.revision) == ("draft", None, 1)
    async with database.transaction() as session:
        application = await apply.sign(session, world.head, draft.id, now=NOW)
    standing = register.standing(application, NOW)
    assert (application.status, application.clock) == ("submitted", "C4")
    assert (standing.remaining_working_days, standing.breached) == (10, False)
    assert application.consumer_department == world.consumer
    assert application.provider_department == world.provider
    assert await audited(database, draft.id) == ["application.created", "application.signed"]
    assert await announced(database, draft.id) == ["application.signed"]


async def test_where_four_eyes_are_needed_who_drafted_does_not_sign(database: Database) -> None:
    """One person with two roles drafted and signed an application (D8)."""
    world = await sharing(database)
    draft = await drafted(database, world)
    same = replace(world.clerk, roles=frozenset({Role.CLERK, Role.HEAD}))
    with pytest.raises(FourEyes):
        async with database.transaction() as session:
            await apply.sign(session, same, draft.id, now=NOW, four_eyes=True)
    async with database.transaction() as session:
        application = await apply.sign(session, world.head, draft.id, now=NOW, four_eyes=True)
    assert application.status == "submitted"


async def test_unconditional_data_is_answered_within_one_working_day(database: Database) -> None:
    world = await sharing(database, share_type="unconditional")
    application = await signed(database, world)
    standing = register.standing(application, NOW)
    assert (application.clock, standing.remaining_working_days) == ("C3", 1)
    assert application.subscription_id is None


async def test_standing_consent_agrees_to_unconditional_data_at_once(database: Database) -> None:
    world = await sharing(database, share_type="unconditional", standing_consent=True)
    application = await signed(database, world)
    assert application.status == "agreed"
    assert application.subscription_id is not None
    async with database.reading() as session:
        steps = await register.history(session, application.id)
    assert [(step.action, step.from_state, step.to_state) for step in steps] == [
        ("create", None, "draft"),
        ("sign", "draft", "submitted"),
        ("agree", "submitted", "agreed"),
    ]
    assert steps[-1].actor_kind == "system"


async def test_standing_consent_says_nothing_about_conditional_data(database: Database) -> None:
    world = await sharing(database, standing_consent=True)
    assert (await signed(database, world)).status == "submitted"


async def test_only_a_clerk_drafts(database: Database) -> None:
    world = await sharing(database)
    async with database.transaction() as session:
        with pytest.raises(RoleRequired):
            await apply.create(session, world.head, world.resource_id, world.content(), now=NOW)


async def test_anothers_client_looks_like_a_missing_one(database: Database) -> None:
    world, other = await sharing(database), await sharing(database)
    details = []
    for client_id in (other.client_id, "no-such-client"):
        asked = world.content(client_id=client_id)
        async with database.transaction() as session:
            with pytest.raises(NotFound) as refused:
                await apply.create(session, world.clerk, world.resource_id, asked, now=NOW)
        details.append(refused.value.detail)
    assert details[0] == details[1]


async def test_a_suspended_client_cannot_be_applied_for(database: Database) -> None:
    world = await sharing(database)
    async with database.transaction() as session:
        client = await session.get_one(Client, world.client_id)
        client.sqlmodel_update({"status": "suspended"})
        session.add(client)
    async with database.transaction() as session:
        with pytest.raises(Conflict):
            await apply.create(session, world.clerk, world.resource_id, world.content(), now=NOW)


async def test_only_a_published_shareable_resource_can_be_applied_for(database: Database) -> None:
    draft = await sharing(database, published=False)
    closed = await sharing(database, share_type="none")
    async with database.transaction() as session:
        with pytest.raises(NotFound):
            await apply.create(session, draft.clerk, draft.resource_id, draft.content(), now=NOW)
        with pytest.raises(NotFound):
            await apply.create(session, draft.clerk, "no-such", draft.content(), now=NOW)
        with pytest.raises(NotShareable):
            await apply.create(session, closed.clerk, closed.resource_id, closed.content(), now=NOW)


async def test_a_retired_resource_says_that_it_is_no_longer_published(database: Database) -> None:
    world = await sharing(database)
    application = await drafted(database, world)
    await retire(database, world)
    async with database.transaction() as session:
        with pytest.raises(ResourceNotPublished):
            await apply.sign(session, world.head, application.id, now=NOW)


async def retire(database: Database, world: Sharing) -> None:
    async with database.transaction() as session:
        resource = await session.get_one(Resource, world.resource_id)
        resource.sqlmodel_update({"status": "retired"})
        session.add(resource)


async def test_faults_of_the_content_are_all_named(database: Database) -> None:
    world = await sharing(database)
    asked = world.content(items=("id", "x"), mode="push", valid_until=date(2020, 1, 1))
    async with database.transaction() as session:
        with pytest.raises(Invalid) as invalid:
            await apply.create(session, world.clerk, world.resource_id, asked, now=NOW)
    paths = {error.path for error in invalid.value.errors}
    assert paths == {"items[1]", "mode", "valid_until", "row_filter[0].item"}


async def test_a_draft_that_lapsed_meanwhile_cannot_be_signed(database: Database) -> None:
    world = await sharing(database)
    application = await drafted(database, world)
    async with database.transaction() as session:
        with pytest.raises(Invalid):
            await apply.sign(session, world.head, application.id, now=NOW + timedelta(days=400))


async def test_a_draft_is_changed_by_its_reader_only(database: Database) -> None:
    world = await sharing(database)
    draft = await drafted(database, world)
    async with database.transaction() as session:
        changes = {"items": ("id", "division"), "records_per_day": None}
        changed = await apply.change(session, world.clerk, draft.id, changes, revision=1, now=NOW)
    assert (changed.items, changed.records_per_day, changed.revision) == (
        ["id", "division"],
        None,
        2,
    )
    assert changed.scenario == draft.scenario
    async with database.transaction() as session:
        with pytest.raises(Stale):
            await apply.change(session, world.clerk, draft.id, {}, revision=1, now=NOW)
        with pytest.raises(RoleRequired):
            await apply.change(session, world.head, draft.id, {}, revision=2, now=NOW)
        with pytest.raises(NotFound):
            await apply.change(session, world.outsider, draft.id, {}, revision=2, now=NOW)


async def test_what_was_signed_is_not_rewritten(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        with pytest.raises(IllegalTransition) as refused:
            await apply.change(session, world.clerk, application.id, {}, revision=2, now=NOW)
    assert refused.value.facts["state"] == "submitted"


async def test_a_second_signature_is_refused_with_state_and_allowed_actions(
    database: Database,
) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    async with database.transaction() as session:
        with pytest.raises(IllegalTransition) as refused:
            await apply.sign(session, world.head, application.id, now=NOW)
    assert refused.value.facts["state"] == "submitted"
    assert "agree" in refused.value.facts["allowed"]  # type: ignore[operator]


@pytest.mark.parametrize("before", ["draft", "submitted", "supplement_requested"])
async def test_the_consumer_withdraws_what_is_not_decided(database: Database, before: str) -> None:
    world = await sharing(database)
    make = drafted if before == "draft" else signed
    application = await make(database, world)
    async with database.transaction() as session:
        if before == "supplement_requested":
            await review.request_supplement(
                session, world.provider_head, application.id, missing=["a"], message="b", now=NOW
            )
        withdrawn = await apply.withdraw(session, world.clerk, application.id, now=NOW)
    assert withdrawn.status == "withdrawn"


async def test_a_supplement_restarts_the_clock_with_the_days_left(database: Database) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    stopped, handed_in = NOW + timedelta(days=7), NOW + timedelta(days=19)
    async with database.transaction() as session:
        waiting = await review.request_supplement(
            session,
            world.provider_clerk,
            application.id,
            missing=["依据文件"],
            message="请补充",
            now=stopped,
        )
        standing = register.standing(waiting, handed_in)
        assert (standing.due_at, standing.remaining_working_days) == (None, 5)
        assert not standing.breached
        moved = await apply.supplement(
            session, world.clerk, application.id, {"basis": "桂政办发〔2022〕10号"}, now=handed_in
        )
    assert (moved.status, moved.basis) == ("submitted", "桂政办发〔2022〕10号")
    assert register.standing(moved, handed_in).remaining_working_days == 5
    async with database.transaction() as session:
        with pytest.raises(IllegalTransition) as refused:
            await review.request_supplement(
                session, world.provider_head, application.id, missing=["x"], message="y", now=NOW
            )
    assert "request-supplement" not in refused.value.facts["allowed"]  # type: ignore[operator]


async def test_parties_authority_and_auditor_see_an_application_and_others_do_not(
    database: Database,
) -> None:
    world = await sharing(database)
    application = await signed(database, world)
    elsewhere = person(world.authority, Role.AUTHORITY, region="440000")
    async with database.reading() as session:
        for principal in (world.clerk, world.provider_clerk, world.overseer, world.auditor):
            found = await register.find(session, principal, application.id)
            assert found.id == application.id
        for principal in (world.outsider, elsewhere):
            with pytest.raises(NotFound):
                await register.find(session, principal, application.id)


@pytest.mark.parametrize("action", ["sign", "withdraw", "supplement", "change"])
async def test_the_provider_does_not_act_for_the_consumer(database: Database, action: str) -> None:
    world = await sharing(database)
    draft = await drafted(database, world)
    steps: dict[str, tuple[Step, dict[str, Any]]] = {
        "sign": (apply.sign, {}),
        "withdraw": (apply.withdraw, {}),
        "supplement": (apply.supplement, {"changes": {}}),
        "change": (apply.change, {"changes": {}, "revision": 1}),
    }
    step, extra = steps[action]
    async with database.transaction() as session:
        for principal in (world.provider_clerk, world.provider_head, world.outsider):
            with pytest.raises(NotFound):
                await step(session, principal, application_id=draft.id, now=NOW, **extra)


async def listed(database: Database, principal: Principal, **filters: Any) -> list[str]:  # noqa: ANN401
    """Read a list to its end, two at a time."""
    ids: list[str] = []
    request = PageRequest(limit=2)
    async with database.reading() as session:
        while True:
            page = await register.page(session, principal, request, **{"now": NOW, **filters})
            ids += [row.id for row in page.items]
            if page.next_cursor is None:
                return ids
            request = PageRequest(limit=2, cursor=page.next_cursor)


async def test_lists_show_each_side_its_own(database: Database) -> None:
    world, other = await sharing(database), await sharing(database)
    draft, sent = await drafted(database, world), await signed(database, world)
    foreign = await signed(database, other)
    assert await listed(database, world.clerk) == [draft.id, sent.id]
    assert await listed(database, world.clerk, status=State.DRAFT) == [draft.id]
    assert await listed(database, world.provider_head) == [sent.id]
    assert await listed(database, world.provider_head, side=Side.CONSUMER) == []
    assert await listed(database, world.outsider) == []
    overseen = await listed(database, world.overseer, side=Side.AUTHORITY)
    assert {sent.id, foreign.id} <= set(overseen)
    assert draft.id not in overseen
    audited = await listed(database, world.auditor)
    assert {sent.id, foreign.id} <= set(audited)
    assert draft.id not in audited
    with pytest.raises(RoleRequired):
        await listed(database, world.clerk, side=Side.AUTHORITY)


async def test_overdue_lists_hold_what_is_late_and_not_answered(database: Database) -> None:
    world = await sharing(database)
    sent, draft = await signed(database, world), await drafted(database, world)
    late = NOW + timedelta(days=60)
    assert await listed(database, world.provider_head, now=late, overdue=True) == [sent.id]
    assert await listed(database, world.provider_head, overdue=True) == []
    assert await listed(database, world.clerk, now=late, overdue=False) == [draft.id]
    assert await listed(database, world.clerk, overdue=False) == [sent.id, draft.id]


async def test_lists_go_on_from_their_cursor(database: Database) -> None:
    world = await sharing(database)
    made = [(await drafted(database, world)).id for _ in range(5)]
    assert await listed(database, world.clerk) == made
