"""Every state × action × side × role of a correction (Order 809 Art 26)."""

from dataclasses import dataclass
from itertools import product

import pytest

from auth.principal import Role
from exchange.corrections.states import ALLOWED_ROLES, NEXT, Action, State, actions, next_state
from exchange.parties import may
from kernel.errors import IllegalTransition
from tests.support.sharing import person

EXPECTED = {
    ("submitted", "accept"): "accepted",
    ("submitted", "reject"): "rejected",
    ("submitted", "withdraw"): "withdrawn",
    ("accepted", "reject"): "rejected",
    ("accepted", "fix"): "fixed",
    ("accepted", "withdraw"): "withdrawn",
    ("fixed", "confirm"): "confirmed",
    ("fixed", "reopen"): "accepted",
}
WHO = {
    ("accept", "provider", "head"),
    ("reject", "provider", "head"),
    *product(("fix",), ("provider",), ("clerk", "head")),
    *product(("confirm", "reopen", "withdraw"), ("consumer",), ("clerk", "head")),
}


@dataclass(frozen=True)
class Between:
    consumer_department: str = "consumer"
    provider_department: str = "provider"
    region_code: str = "450100"
    is_unsigned: bool = False


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_action_leads_where_the_table_says_or_is_refused(
    state: State, action: Action
) -> None:
    if (state, action) in EXPECTED:
        assert next_state(state, action, reopened=False) == EXPECTED[state, action]
        return
    with pytest.raises(IllegalTransition) as refused:
        next_state(state, action, reopened=False)
    assert refused.value.facts["allowed"] == list(actions(state, reopened=False))


def test_the_table_holds_nothing_else() -> None:
    assert dict(NEXT) == EXPECTED


def test_it_is_reopened_once() -> None:
    assert actions(State.FIXED, reopened=True) == (Action.CONFIRM,)
    with pytest.raises(IllegalTransition):
        next_state(State.FIXED, Action.REOPEN, reopened=True)


@pytest.mark.parametrize(
    ("action", "department", "role"),
    list(product(Action, ("consumer", "provider", "authority", "outsider"), Role)),
)
def test_who_may(action: Action, department: str, role: Role) -> None:
    expected = (str(action), department, str(role)) in WHO
    assert may(person(department, role), Between(), ALLOWED_ROLES[action]) is expected
