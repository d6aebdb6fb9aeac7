"""Demands end: met, or closed; what is merged does as the one that it follows."""

import itertools

import pytest

from auth.principal import Principal, Role
from exchange.demands.register import allowed
from exchange.demands.states import ALLOWED_ROLES, NEXT, OPEN, Action, State, actions, next_state
from exchange.demands.tables import Demand
from exchange.stewardship.holdings import FOLLOWING
from kernel.clock import now
from kernel.errors import IllegalTransition

DEMANDER, SUPPLIER, OFFICE, OTHER = "D", "S", "O", "X"


def who(department: str, role: Role, *, authority: bool = False) -> Principal:
    return Principal(
        kind="person",
        id="p",
        department=department,
        region_code="450000",
        is_authority=authority,
        roles=frozenset({role}),
        scopes=frozenset(),
        token_id="t",
        expires_at=0,
    )


def demand(state: State) -> Demand:
    assigned = SUPPLIER if state in (State.ASSIGNED, State.ACCEPTED, State.MET) else None
    submitted = None if state is State.DRAFT else now()
    return Demand(
        id="1",
        status=state,
        department=DEMANDER,
        region_code="450100",
        assigned_department=assigned,
        submitted_at=submitted,
        title="t",
        description="d",
        items=["i"],
        basis="b",
        scenario="s",
        created_by="p",
    )


# What each person may do in any state, wherever the state allows it.
MAY = {
    (DEMANDER, Role.CLERK): {Action.CLOSE},
    (DEMANDER, Role.HEAD): {Action.SUBMIT, Action.CLOSE},
    (SUPPLIER, Role.HEAD): {Action.ACCEPT, Action.DECLINE, Action.MEET},
    (OFFICE, Role.AUTHORITY): {Action.MERGE, Action.ASSIGN, Action.CLOSE},
}


@pytest.mark.parametrize("state", State)
def test_who_may_do_what_in_each_state(state: State) -> None:
    for department, role in itertools.product((DEMANDER, SUPPLIER, OFFICE, OTHER), Role):
        person = who(department, role, authority=department == OFFICE)
        may = MAY.get((department, role), set())
        if state is State.DRAFT and department == OFFICE:
            may = set()
        expected = [action for action in actions(state) if action in may]
        assert allowed(person, demand(state)) == expected, (department, role)


@pytest.mark.parametrize(("state", "action"), [*itertools.product(State, Action)])
def test_an_action_leads_on_or_is_refused_with_what_is_allowed(
    state: State, action: Action
) -> None:
    if action in actions(state):
        assert next_state(state, action) is NEXT[state, action]
        return
    with pytest.raises(IllegalTransition) as refusal:
        next_state(state, action)
    assert refusal.value.facts["allowed"] == list(actions(state))


def test_what_is_merged_is_met_with_the_other_alone() -> None:
    assert (State.MERGED, Action.MEET) in NEXT
    assert actions(State.MERGED) == (Action.CLOSE,)
    assert actions(State.MET) == actions(State.CLOSED) == ()


def test_every_state_leads_to_an_end() -> None:
    for state in State:
        reached, seen = {state}, set[State]()
        while reached - seen:
            seen |= reached
            reached |= {to for (start, _action), to in NEXT.items() if start in seen}
        assert reached & {State.MET, State.CLOSED}


def test_every_action_is_somebodys_and_open_demands_can_be_closed() -> None:
    assert all(ALLOWED_ROLES[action] for action in Action)
    assert all(Action.CLOSE in actions(state) for state in OPEN)


def test_both_departments_of_an_open_demand_follow_a_merger() -> None:
    names = {holding.name for holding in FOLLOWING}
    assert {"exchange.demand.department", "exchange.demand.assigned_department"} <= names
