"""Who acts for another department does what it was given the power for, and nothing else."""

import itertools
from datetime import date

import pytest

from auth.delegations.powers import needed
from auth.delegations.states import NEXT, Action, Power, State, actions, current, next_state
from kernel.errors import IllegalTransition

LAST = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("operation", "power"),
    [
        ("POST /v1/resources", Power.CATALOGUE),
        ("POST /v1/resources/{resource_id}/submit", Power.CATALOGUE),
        ("POST /v1/elements/{code}/sources", Power.CATALOGUE),
        ("POST /v1/resources/{resource_id}/quarantine/resolve", Power.PUBLISH),
        ("POST /v1/applications/{application_id}/sign", Power.APPLY),
        ("POST /v1/subscriptions/{subscription_id}/renew", Power.APPLY),
        ("POST /v1/subscriptions/{subscription_id}/corrections", Power.CORRECT),
        ("POST /v1/subscriptions/{subscription_id}/suspend", None),
        ("POST /v1/clients", None),
        ("POST /v1/delegations", None),
        ("POST /v1/orders/{order_id}/answer", None),
        ("PATCH /v1/people/{person_id}", None),
    ],
)
def test_an_operation_needs_one_power_or_is_never_delegated(
    operation: str, power: Power | None
) -> None:
    assert needed(operation) is power


@pytest.mark.parametrize(("state", "action"), [*itertools.product(State, Action)])
def test_a_step_leads_on_or_is_refused(state: State, action: Action) -> None:
    if (state, action) in NEXT:
        assert next_state(state, action) is NEXT[state, action]
        return
    with pytest.raises(IllegalTransition) as refusal:
        next_state(state, action)
    assert refusal.value.facts["allowed"] == list(actions(state))


def test_a_delegation_holds_on_its_last_day() -> None:
    after = date(2026, 3, 3)
    assert current(State.ACTIVE, LAST, LAST) is State.ACTIVE
    assert current(State.ACTIVE, LAST, after) is State.EXPIRED
    assert current(State.ENDED, LAST, after) is State.ENDED
