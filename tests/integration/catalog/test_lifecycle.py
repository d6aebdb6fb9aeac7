"""A resource from its draft to its end, on the real database."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from auth.errors import FourEyes, NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from catalog import lifecycle, resources, versions
from catalog.entries import ItemRole
from catalog.errors import (
    ChangedMeanwhile,
    HasSubscriptions,
    ResourceNotPublished,
    VersionSuperseded,
)
from catalog.states import Action, Decision, State
from kernel.database import Database
from kernel.errors import Conflict, IllegalTransition, Invalid, NotFound, Stale
from tests.support.catalog import CITY, NOW, Bureau, caller, entry, item, open_bureau

RETURNS = [["approved"], ["draft"], ["approved", "draft"]]


@pytest.fixture
async def bureau(database: Database) -> Bureau:
    return await open_bureau(database)


async def revise(bureau: Bureau, resource_id: str) -> None:
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)


async def retire(
    bureau: Bureau, resource_id: str, principal: Principal, *, active: int = 0
) -> None:
    async with bureau.database.transaction() as session:
        await lifecycle.retire(
            session, principal, resource_id, reason="停用", active_subscriptions=active, now=NOW
        )


def errors(refusal: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(error.path, error.code) for error in refusal.value.errors]


async def test_publishing_gives_the_version_and_keeps_its_contract(bureau: Bureau) -> None:
    shown = await bureau.published()
    resource = shown.resource
    assert (shown.status, resource.published_version, resource.version) == ("published", 1, 1)
    async with bureau.database.reading() as session:
        found = await versions.contract_of(session, resource.id)
    assert (found.version, found.department) == (1, bureau.one.uscc)
    assert [(f.name, f.key, f.max_length) for f in found.contract.fields] == [
        ("id_number", True, 18)
    ]


async def test_every_step_stands_in_history_and_audit(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    await bureau.submit(drafted.resource.id)
    async with bureau.database.transaction() as session:
        await lifecycle.send_back(
            session, bureau.authority, drafted.resource.id, reason="缺少依据", now=NOW
        )
    await bureau.put_in_force(drafted.resource.id)
    async with bureau.database.reading() as session:
        steps = await versions.history(session, bureau.one.clerk, drafted.resource.id)
        query = text("SELECT event FROM kernel.audit_event WHERE subject_id = :id ORDER BY at")
        events = (await session.scalars(query.bindparams(id=drafted.resource.id))).all()
    actions = [step.action for step in steps]
    assert actions == ["create", "submit", "return", "submit", "approve", "publish"]
    assert steps[2].note == {"reason": "缺少依据"}
    assert [event.removeprefix("resource.") for event in events] == [
        "created", "submitted", "returned", "submitted", "approved", "published",
    ]  # fmt: skip


async def test_the_old_version_serves_until_the_new_one_is_published(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await revise(bureau, resource_id)
    stranger = bureau.two.clerk
    async with bureau.database.reading() as session:
        assert (await versions.contract_of(session, resource_id)).version == 1
        mine = await resources.get(session, bureau.one.clerk, resource_id)
        theirs = await resources.get(session, stranger, resource_id)
    assert (mine.status, mine.version.number) == ("draft", 2)
    assert (theirs.status, theirs.version.number) == ("published", 1)
    await bureau.put_in_force(resource_id)
    async with bureau.database.reading() as session:
        assert (await versions.contract_of(session, resource_id)).version == 2
        with pytest.raises(VersionSuperseded):
            await versions.contract_of(session, resource_id, 1)
        found = await versions.listed(session, stranger, resource_id)
    assert [(v.version.number, v.status) for v in found] == [(1, "superseded"), (2, "published")]


async def test_a_draft_has_no_contract_in_force(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    async with bureau.database.reading() as session:
        with pytest.raises(ResourceNotPublished):
            await versions.contract_of(session, drafted.resource.id)
        with pytest.raises(NotFound):
            await versions.entry(session, drafted.resource.id)
        with pytest.raises(NotFound):
            await versions.contract_of(session, "missing")


async def test_an_applicant_learns_what_the_published_entry_says(bureau: Bureau) -> None:
    mask = {"kind": "partial", "keep_start": 3, "keep_end": 4}
    shown = await bureau.published(bureau.key(mask=mask))
    async with bureau.database.reading() as session:
        found = await versions.entry(session, shown.resource.id)
    assert (found.department, found.version) == (bureau.one.uscc, 1)
    assert found.masks == {"id_number": mask}
    assert found.share_modes == ("pull", "query")
    assert list(found.items) == ["id_number"]


async def test_a_source_item_needs_the_department_to_be_the_source(bureau: Bureau) -> None:
    drafted = await bureau.draft(bureau.key(role=ItemRole.SOURCE))
    with pytest.raises(Invalid) as refusal:
        await bureau.submit(drafted.resource.id)
    assert errors(refusal) == [("items[0].role", "not_the_source")]
    await bureau.decide(await bureau.claim(bureau.one), Decision.DESIGNATE)
    await bureau.submit(drafted.resource.id)


async def test_who_was_replaced_as_source_cannot_publish_as_source(bureau: Bureau) -> None:
    await bureau.decide(await bureau.claim(bureau.one), Decision.DESIGNATE)
    drafted = await bureau.draft(bureau.key(role=ItemRole.SOURCE))
    await bureau.submit(drafted.resource.id)
    async with bureau.database.transaction() as session:
        await lifecycle.approve(session, bureau.authority, drafted.resource.id, now=NOW)
    await bureau.decide(await bureau.claim(bureau.two), Decision.REPLACE)
    for attempt in (lifecycle.publishable, lifecycle.publish):
        with pytest.raises(Invalid) as refusal:
            async with bureau.database.transaction() as session:
                await attempt(session, bureau.authority, drafted.resource.id, now=NOW)
        assert errors(refusal) == [("items[0].role", "not_the_source")]


async def test_an_approved_entry_whose_source_was_lost_is_returned(bureau: Bureau) -> None:
    """Nothing led out of `approved` once the source was lost (G3)."""
    await bureau.decide(await bureau.claim(bureau.one), Decision.DESIGNATE)
    resource_id = (await bureau.draft(bureau.key(role=ItemRole.SOURCE))).resource.id
    await bureau.submit(resource_id)
    async with bureau.database.transaction() as session:
        await lifecycle.approve(session, bureau.authority, resource_id, now=NOW)
    await bureau.decide(await bureau.claim(bureau.two), Decision.REPLACE)
    async with bureau.database.transaction() as session:
        shown = await lifecycle.send_back(
            session, bureau.authority, resource_id, reason="数源已更换", now=NOW
        )
    assert (shown.status, shown.version.return_reason) == ("draft", "数源已更换")


async def test_what_was_submitted_is_taken_back_by_its_head(bureau: Bureau) -> None:
    resource_id = (await bureau.draft()).resource.id
    await bureau.submit(resource_id)
    async with bureau.database.transaction() as session:
        with pytest.raises(RoleRequired):
            await lifecycle.withdraw(session, bureau.one.clerk, resource_id, now=NOW)
        shown = await lifecycle.withdraw(session, bureau.one.head, resource_id, now=NOW)
    assert shown.status is State.DRAFT
    await bureau.submit(resource_id)


async def discard(bureau: Bureau, resource_id: str) -> State:
    async with bureau.database.transaction() as session:
        shown = await lifecycle.discard(session, bureau.one.clerk, resource_id, now=NOW)
        return State(shown.resource.status)


async def test_a_discarded_draft_is_gone_for_good(bureau: Bureau) -> None:
    resource_id = (await bureau.draft()).resource.id
    assert await discard(bureau, resource_id) is State.DISCARDED
    with pytest.raises(IllegalTransition):
        await bureau.submit(resource_id)
    with pytest.raises(IllegalTransition):
        await discard(bureau, resource_id)


async def test_a_discarded_revision_leaves_what_is_published(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await revise(bureau, resource_id)
    assert await discard(bureau, resource_id) is State.PUBLISHED
    async with bureau.database.reading() as session:
        assert (await versions.contract_of(session, resource_id)).version == 1
        mine = await versions.listed(session, bureau.one.clerk, resource_id)
        theirs = await versions.listed(session, bureau.two.clerk, resource_id)
    assert [(v.version.number, v.status) for v in mine] == [(1, "published"), (2, "discarded")]
    assert [v.version.number for v in theirs] == [1]
    await revise(bureau, resource_id)
    shown = await bureau.put_in_force(resource_id)
    assert shown.version.number == 3


async def test_of_ten_who_discard_and_submit_at_once_one_is_taken(bureau: Bureau) -> None:
    resource_id = (await bureau.draft()).resource.id

    async def act(place: int) -> str:
        if place % 2:
            return (await bureau.submit(resource_id)).status
        return await discard(bureau, resource_id)

    done = await asyncio.gather(*map(act, range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, str) for outcome in done) == 1
    assert all(isinstance(outcome, (str, Conflict)) for outcome in done)


async def test_a_failed_secrecy_review_stops_the_entry(bureau: Bureau) -> None:
    reviews = entry().reviews
    failed = replace(reviews, secrecy=replace(reviews.secrecy, passed=False))
    drafted = await bureau.draft(reviews=failed)
    with pytest.raises(Invalid) as refusal:
        await bureau.submit(drafted.resource.id)
    assert errors(refusal) == [("reviews.secrecy.passed", "review_not_passed")]


async def test_a_signature_of_tomorrow_is_refused(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    tomorrow = NOW.date() + timedelta(days=1)
    async with bureau.database.transaction() as session:
        with pytest.raises(Invalid) as refusal:
            await lifecycle.submit(
                session,
                bureau.one.head,
                drafted.resource.id,
                leader_name="韦某",
                signed_on=tomorrow,
                now=NOW,
            )
    assert errors(refusal) == [("signed_on", "out_of_range")]


async def test_checking_publishes_nothing_and_says_what_the_broker_needs(bureau: Bureau) -> None:
    drafted = await bureau.draft(partitions=4)
    await bureau.submit(drafted.resource.id)
    async with bureau.database.transaction() as session:
        await lifecycle.approve(session, bureau.authority, drafted.resource.id, now=NOW)
    async with bureau.database.reading() as session:
        request = await lifecycle.publishable(
            session, bureau.authority, drafted.resource.id, now=NOW
        )
        shown = await resources.get(session, bureau.authority, drafted.resource.id)
    assert (request.version, request.partitions, request.is_first) == (1, 4, True)
    assert shown.status is State.APPROVED


async def test_partitions_and_region_are_fixed_by_the_first_publication(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await revise(bureau, resource_id)
    changed = entry(bureau.key(), partitions=2, region_code=CITY)
    async with bureau.database.transaction() as session:
        revision = (await resources.get(session, bureau.one.clerk, resource_id)).resource.revision
        with pytest.raises(Invalid) as refusal:
            await resources.change(
                session, bureau.one.clerk, resource_id, changed, revision=revision, now=NOW
            )
    assert errors(refusal) == [("partitions", "fixed"), ("region_code", "fixed")]


async def test_only_a_draft_is_changed(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    await bureau.submit(drafted.resource.id)
    async with bureau.database.transaction() as session:
        with pytest.raises(IllegalTransition) as refusal:
            await resources.change(
                session,
                bureau.one.clerk,
                drafted.resource.id,
                entry(bureau.key()),
                revision=2,
                now=NOW,
            )
    assert refusal.value.facts == {
        "state": "submitted",
        "allowed": ["withdraw", "return", "approve"],
    }


async def test_an_entry_stays_in_the_region_of_its_department(database: Database) -> None:
    bureau = await open_bureau(database, (CITY, CITY))
    with pytest.raises(Invalid) as refusal:
        await bureau.draft()
    assert errors(refusal) == [("region_code", "out_of_range")]
    await bureau.draft(region_code="450103")


async def test_a_head_retires_only_what_nobody_uses(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    with pytest.raises(HasSubscriptions):
        await retire(bureau, resource_id, bureau.one.head, active=1)
    await retire(bureau, resource_id, bureau.authority, active=1)
    async with bureau.database.reading() as session:
        with pytest.raises(ResourceNotPublished):
            await versions.contract_of(session, resource_id)
        with pytest.raises(ResourceNotPublished):
            await versions.entry(session, resource_id)
        assert (await resources.get(session, bureau.two.clerk, resource_id)).status == "retired"


async def test_retiring_ends_a_revision_in_work_too(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    await revise(bureau, resource_id)
    await retire(bureau, resource_id, bureau.one.head)
    async with bureau.database.reading() as session:
        found = await versions.listed(session, bureau.one.clerk, resource_id)
        shown = await resources.get(session, bureau.one.clerk, resource_id)
    assert [version.status for version in found] == ["retired", "retired"]
    assert (shown.version.number, shown.allowed) == (1, ())
    with pytest.raises(IllegalTransition):
        await bureau.submit(resource_id)


async def test_others_act_on_what_they_see_only_to_be_refused(bureau: Bureau) -> None:
    resource_id = (await bureau.published()).resource.id
    async with bureau.database.transaction() as session:
        with pytest.raises(NotYourDepartment):
            await lifecycle.revise(session, bureau.two.clerk, resource_id, now=NOW)
        with pytest.raises(RoleRequired):
            await lifecycle.revise(session, bureau.one.head, resource_id, now=NOW)


@pytest.mark.parametrize("rival", ["approve", "return"])
async def test_of_twenty_decisions_at_once_one_is_taken(bureau: Bureau, rival: str) -> None:
    drafted = await bureau.draft()
    await bureau.submit(drafted.resource.id)

    async def decide(place: int) -> str:
        async with bureau.database.transaction() as session:
            if rival == "return" and place % 2:
                shown = await lifecycle.send_back(
                    session, bureau.authority, drafted.resource.id, reason="退回", now=NOW
                )
            else:
                shown = await lifecycle.approve(
                    session, bureau.authority, drafted.resource.id, now=NOW
                )
            return shown.status

    done = await asyncio.gather(*map(decide, range(20)), return_exceptions=True)
    taken = [outcome for outcome in done if isinstance(outcome, str)]
    # What was approved may be returned afterwards: then both were taken, one after the other.
    assert sorted(taken) in ([["approved"]] if rival == "approve" else RETURNS)
    refused = {type(o) for o in done if isinstance(o, BaseException)}
    assert refused <= {IllegalTransition, ChangedMeanwhile}


async def test_a_revision_that_is_returned_and_taken_back_at_once_is_a_draft_again_once(
    bureau: Bureau,
) -> None:
    """The authority returns while the head withdraws: one of them wins, and version 1 serves."""
    resource_id = (await bureau.published()).resource.id
    async with bureau.database.transaction() as session:
        await lifecycle.revise(session, bureau.one.clerk, resource_id, now=NOW)
    await bureau.submit(resource_id)

    async def take(place: int) -> str:
        async with bureau.database.transaction() as session:
            if place % 2:
                await lifecycle.withdraw(session, bureau.one.head, resource_id, now=NOW)
                return "withdrawn"
            await lifecycle.send_back(
                session, bureau.authority, resource_id, reason="补充依据", now=NOW
            )
            return "returned"

    done = await asyncio.gather(*map(take, range(10)), return_exceptions=True)
    [taken] = [outcome for outcome in done if isinstance(outcome, str)]
    refused = {type(o) for o in done if isinstance(o, BaseException)}
    assert refused <= {IllegalTransition, ChangedMeanwhile}
    async with bureau.database.reading() as reading:
        mine = await resources.get(reading, bureau.one.clerk, resource_id)
        theirs = await resources.get(reading, bureau.two.clerk, resource_id)
    assert (mine.status, mine.version.number) == (State.DRAFT, 2)
    assert (mine.version.return_reason is not None) == (taken == "returned")
    assert (theirs.status, theirs.version.number) == (State.PUBLISHED, 1)


async def test_a_draft_that_changes_while_it_is_submitted_is_one_or_the_other(
    bureau: Bureau,
) -> None:
    """What the head signs is what was checked: never a text that came in between."""
    drafted = await bureau.draft()
    resource_id = drafted.resource.id

    async def change() -> str:
        async with bureau.database.transaction() as session:
            await resources.change(
                session,
                bureau.one.clerk,
                resource_id,
                entry(bureau.key(), name="改名"),
                revision=1,
                now=NOW,
            )
            return "changed"

    async def submit() -> str:
        await bureau.submit(resource_id)
        return "submitted"

    done = await asyncio.gather(change(), submit(), change(), return_exceptions=True)
    assert done.count("changed") <= 1
    async with bureau.database.reading() as session:
        steps = await versions.history(session, bureau.one.clerk, resource_id)
        shown = await resources.get(session, bureau.one.clerk, resource_id)
    assert ("submitted" in done) == (shown.status is State.SUBMITTED)
    assert ("changed" in done) == (shown.version.name == "改名")
    assert len(steps) == 1 + ("submitted" in done)
    for outcome in done:
        assert isinstance(outcome, (str, Conflict, Stale))


async def test_an_edit_of_a_stale_revision_is_refused(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    for outcome in (None, Stale):
        async with bureau.database.transaction() as session:
            edit = resources.change(
                session,
                bureau.one.clerk,
                drafted.resource.id,
                entry(bureau.key()),
                revision=1,
                now=NOW,
            )
            if outcome is None:
                await edit
            else:
                with pytest.raises(outcome):
                    await edit


async def test_the_authority_of_another_region_does_not_know_the_draft(bureau: Bureau) -> None:
    drafted = await bureau.draft()
    city = caller("X", Role.AUTHORITY, region=CITY, is_authority=True)
    async with bureau.database.transaction() as session:
        with pytest.raises(NotFound):
            await lifecycle.approve(session, city, drafted.resource.id, now=NOW)


async def test_the_allowed_actions_are_those_of_the_caller(bureau: Bureau) -> None:
    shown = await bureau.published()
    async with bureau.database.reading() as session:
        for principal, expected in (
            (bureau.one.clerk, (Action.REVISE,)),
            (bureau.one.head, (Action.RETIRE,)),
            (bureau.authority, (Action.RETIRE,)),
            (bureau.two.head, ()),
        ):
            found = await resources.get(session, principal, shown.resource.id)
            assert found.allowed == expected


async def test_an_item_of_an_unknown_element_is_refused_at_the_draft(bureau: Bureau) -> None:
    with pytest.raises(Invalid) as refusal:
        await bureau.draft(bureau.key(), item("b", "DE404"))
    assert errors(refusal) == [("items[1].element", "not_found")]


async def test_where_four_eyes_are_needed_who_drafted_does_not_submit(bureau: Bureau) -> None:
    """One person with two roles drafted an entry and signed it off (D8)."""
    drafted = await bureau.draft()
    same = replace(bureau.one.clerk, roles=frozenset({Role.CLERK, Role.HEAD}))

    async def submit(principal: Principal) -> str:
        async with bureau.database.transaction() as session:
            shown = await lifecycle.submit(
                session,
                principal,
                drafted.resource.id,
                leader_name="韦某",
                signed_on=NOW.date(),
                now=NOW,
                four_eyes=True,
            )
        return shown.status

    with pytest.raises(FourEyes):
        await submit(same)
    assert await submit(bureau.one.head) == State.SUBMITTED
