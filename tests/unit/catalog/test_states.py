"""The life cycle as `api.md` section 3 tells it: every state, every action, every role."""

from itertools import product

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from catalog import visibility
from catalog.states import (
    ALLOWED_ROLES,
    NEXT,
    SOURCE_NEXT,
    Action,
    Decision,
    SourceStatus,
    State,
    allowed,
    step,
)
from catalog.tables import Resource
from kernel.errors import IllegalTransition
from tests.support.catalog import CITY, NOW, PROVINCE, caller

# Written out by hand from the table of api.md, so that a slip in catalog.states is seen.
BY_THE_BOOK = {
    (State.DRAFT, Action.SUBMIT): (State.SUBMITTED, {"head"}),
    (State.DRAFT, Action.DISCARD): (State.DISCARDED, {"clerk"}),
    (State.SUBMITTED, Action.WITHDRAW): (State.DRAFT, {"head"}),
    (State.SUBMITTED, Action.RETURN): (State.DRAFT, {"authority"}),
    (State.SUBMITTED, Action.APPROVE): (State.APPROVED, {"authority"}),
    (State.APPROVED, Action.RETURN): (State.DRAFT, {"authority"}),
    (State.APPROVED, Action.ANNOUNCE): (State.APPROVED, {"head"}),
    (State.APPROVED, Action.PUBLISH): (State.PUBLISHED, {"authority"}),
    (State.PUBLISHED, Action.REVISE): (State.DRAFT, {"clerk"}),
    (State.PUBLISHED, Action.RETIRE): (State.RETIRED, {"authority", "head"}),
}
OWNER, STRANGER, SEAT = "11450000000000001A", "11450000000000002B", "11450000000000003C"


def resource(status: State = State.DRAFT, *, published: int | None = None) -> Resource:
    return Resource(
        id="r",
        department=OWNER,
        region_code=PROVINCE,
        status=status,
        version=1 if published is None else published + 1,
        published_version=published,
        revision=1,
        created_by="p",
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize(("state", "action"), [*product(State, Action)])
def test_an_action_leads_where_the_table_says_or_is_refused(state: State, action: Action) -> None:
    expected = BY_THE_BOOK.get((state, action))
    if expected is not None:
        assert step(NEXT, state, action) == expected[0]
        return
    with pytest.raises(IllegalTransition) as refusal:
        step(NEXT, state, action)
    assert refusal.value.facts["state"] == state
    assert refusal.value.facts["allowed"] == [a for s, a in BY_THE_BOOK if s == state]


@pytest.mark.parametrize(("action", "role"), [*product(Action, Role)])
def test_only_the_roles_of_the_table_act(action: Action, role: Role) -> None:
    expected = {role for (_, a), (_, roles) in BY_THE_BOOK.items() if a == action for role in roles}
    assert (role in ALLOWED_ROLES[action]) == (role in expected)
    principal = caller(OWNER, role, is_authority=True)
    if role in expected:
        visibility.require(principal, action, resource())
    else:
        with pytest.raises(RoleRequired):
            visibility.require(principal, action, resource())


@pytest.mark.parametrize("action", [*Action])
def test_other_departments_and_other_regions_do_not_act(action: Action) -> None:
    everything = (Role.CLERK, Role.HEAD, Role.AUTHORITY)
    outsiders: list[Principal] = [
        caller(STRANGER, *everything),
        caller(STRANGER, *everything, region=CITY, is_authority=True),
    ]
    for outsider in outsiders:
        with pytest.raises(NotYourDepartment):
            visibility.require(outsider, action, resource())


def test_the_authority_acts_for_every_department_of_its_region() -> None:
    seat = caller(SEAT, Role.AUTHORITY, is_authority=True)
    for action in (Action.RETURN, Action.APPROVE, Action.PUBLISH, Action.RETIRE):
        visibility.require(seat, action, resource())


def test_a_retired_resource_allows_nothing() -> None:
    assert allowed(NEXT, State.RETIRED) == []
    assert allowed(NEXT, State.SUPERSEDED) == []
    assert allowed(NEXT, State.DISCARDED) == []


@pytest.mark.parametrize("state", [State.DRAFT, State.SUBMITTED, State.APPROVED])
def test_no_state_before_publication_is_a_trap(state: State) -> None:
    """An approved entry whose source was lost could neither be published nor left (G3)."""
    back = {Action.DISCARD, Action.WITHDRAW, Action.RETURN}
    assert back & set(allowed(NEXT, state))


@pytest.mark.parametrize("status", [State.DRAFT, State.SUBMITTED, State.APPROVED])
def test_what_serves_can_be_retired_while_its_revision_is_in_work(status: State) -> None:
    in_revision = resource(status, published=3)
    assert visibility.standing(in_revision, Action.RETIRE) is State.PUBLISHED
    assert Action.RETIRE in visibility.actions(in_revision)
    assert Action.RETIRE not in visibility.actions(resource(status))


def test_outsiders_see_the_published_version_and_insiders_the_newest() -> None:
    in_revision = resource(State.DRAFT, published=3)
    assert visibility.shown_number(caller(OWNER), in_revision) == 4
    for role in (Role.AUTHORITY, Role.AUDITOR):
        seat = caller(SEAT, role, is_authority=True)
        assert visibility.shown_number(seat, in_revision) == 4
    assert visibility.shown_number(caller(STRANGER), in_revision) == 3
    assert visibility.shown_number(caller(STRANGER), resource()) is None


def test_a_draft_is_no_business_of_everybody_in_an_authority() -> None:
    """Any member of an authority's department read the drafts of its region (D20)."""
    colleague = caller(SEAT, Role.CLERK, Role.HEAD, is_authority=True)
    assert visibility.shown_number(colleague, resource()) is None
    assert visibility.shown_number(colleague, resource(published=3)) == 3


SOURCES_BY_THE_BOOK = {
    **{
        (status, decision): reached
        for status in (SourceStatus.CLAIMED, SourceStatus.CONTESTED)
        for decision, reached in (
            (Decision.DESIGNATE, SourceStatus.ACTIVE),
            (Decision.REJECT, SourceStatus.REJECTED),
            (Decision.REPLACE, SourceStatus.ACTIVE),
            (Decision.WITHDRAW, SourceStatus.WITHDRAWN),
        )
    },
    (SourceStatus.ACTIVE, Decision.END): SourceStatus.ENDED,
}


@pytest.mark.parametrize(("status", "decision"), [*product(SourceStatus, Decision)])
def test_only_an_open_claim_is_decided_and_only_a_source_ends(
    status: SourceStatus, decision: Decision
) -> None:
    expected = SOURCES_BY_THE_BOOK.get((status, decision))
    if expected is not None:
        assert step(SOURCE_NEXT, status, decision) is expected
        return
    with pytest.raises(IllegalTransition):
        step(SOURCE_NEXT, status, decision)
