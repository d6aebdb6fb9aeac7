"""Every state × action × side × role of a subscription (Order 809 Art 27)."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import product

import pytest

from auth.errors import NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from exchange.parties import Side, authorize, may, sides
from exchange.subscriptions.states import (
    ALLOWED_ROLES,
    NEXT,
    Action,
    State,
    actions,
    current,
    next_state,
)
from kernel.errors import IllegalTransition, NotFound
from kernel.workdays import SHANGHAI

EXPECTED = {
    ("active", "suspend"): "suspended",
    ("active", "terminate"): "terminated",
    ("active", "expire"): "expired",
    ("suspended", "resume"): "active",
    ("suspended", "terminate"): "terminated",
    ("suspended", "expire"): "expired",
    ("active", "renew"): "active",
    ("suspended", "renew"): "suspended",
    ("expired", "renew"): "active",
    ("active", "amend"): "active",
    ("suspended", "amend"): "suspended",
}
WHO = {
    ("suspend", "provider", "head"),
    ("suspend", "authority", "authority"),
    ("resume", "provider", "head"),
    ("resume", "authority", "authority"),
    ("renew", "consumer", "clerk"),
    ("amend", "consumer", "clerk"),
    ("terminate", "consumer", "head"),
    ("terminate", "provider", "head"),
    ("terminate", "authority", "authority"),
}


@dataclass(frozen=True)
class Between:
    consumer_department: str = "consumer"
    provider_department: str = "provider"
    region_code: str = "450100"
    is_unsigned: bool = False


def person(department: str, role: Role) -> Principal:
    return Principal(
        kind="person",
        id="p",
        department=department,
        region_code="450000",
        is_authority=department == "authority",
        roles=frozenset({role}),
        scopes=frozenset(),
        token_id="t",
        expires_at=0,
    )


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_action_leads_where_the_regulation_says_or_is_refused(
    state: State, action: Action
) -> None:
    if (state, action) in EXPECTED:
        assert next_state(state, action) == EXPECTED[state, action]
        return
    with pytest.raises(IllegalTransition) as refused:
        next_state(state, action)
    assert refused.value.facts == {"state": state, "allowed": list(actions(state))}


def test_the_table_holds_nothing_else() -> None:
    assert dict(NEXT) == EXPECTED


@pytest.mark.parametrize(
    ("action", "department", "role"),
    list(product(Action, ("consumer", "provider", "authority", "outsider"), Role)),
)
def test_only_the_named_side_and_role_may_act(action: Action, department: str, role: Role) -> None:
    principal = person(department, role)
    allowed = (action, department, role) in WHO
    assert may(principal, Between(), ALLOWED_ROLES[action]) == allowed
    if allowed:
        assert authorize(principal, Between(), ALLOWED_ROLES[action]) == Side(department)
        return
    known = sides(principal, Between()) or role == "auditor"
    with pytest.raises((RoleRequired, NotYourDepartment) if known else NotFound):
        authorize(principal, Between(), ALLOWED_ROLES[action])


def test_nobody_expires_a_subscription_by_hand() -> None:
    assert all(Action.EXPIRE not in actions(state) for state in State)


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        ("active", "2026-07-31T23:59:59.999999", "active"),
        ("active", "2026-08-01T00:00:00", "expired"),
        ("suspended", "2026-08-01T00:00:00", "expired"),
        ("terminated", "2026-08-01T00:00:00", "terminated"),
        ("expired", "2026-07-01T00:00:00", "expired"),
    ],
)
def test_the_last_day_is_inclusive_in_beijing_time(state: str, now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)
    assert current(State(state), date(2026, 7, 31), moment) == expected
