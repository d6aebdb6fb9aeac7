"""Every state × action × side × role of a disposal, and its clock (Order 809 Art 27)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import product

import pytest

from auth.principal import Role
from exchange.disposals.states import (
    ALLOWED_ROLES,
    NEXT,
    Action,
    State,
    actions,
    due_at,
    next_state,
)
from exchange.parties import may
from kernel.errors import IllegalTransition
from kernel.workdays import SHANGHAI
from tests.support.sharing import person

EXPECTED = {
    ("due", "report"): "reported",
    ("returned", "report"): "reported",
    ("reported", "confirm"): "confirmed",
    ("reported", "return"): "returned",
}
WHO = {("report", "consumer"), ("confirm", "provider"), ("return", "provider")}


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
        assert next_state(state, action) == EXPECTED[state, action]
        return
    with pytest.raises(IllegalTransition) as refused:
        next_state(state, action)
    assert refused.value.facts["allowed"] == list(actions(state))


def test_the_table_holds_nothing_else() -> None:
    assert dict(NEXT) == EXPECTED


@pytest.mark.parametrize(
    ("action", "department", "role"),
    list(product(Action, ("consumer", "provider", "authority", "outsider"), Role)),
)
def test_only_the_named_side_and_its_head_may_act(
    action: Action, department: str, role: Role
) -> None:
    expected = (action, department) in WHO and role is Role.HEAD
    assert may(person(department, role), Between(), ALLOWED_ROLES[action]) == expected


def test_the_clock_counts_from_the_end_that_came_first() -> None:
    ended = datetime(2026, 7, 1, 3, tzinfo=UTC)
    due = due_at(date(2026, 12, 31), ended, 20)
    assert due == datetime(2026, 7, 30, tzinfo=SHANGHAI)
    # Written down late, it expired on its last day all the same.
    assert due_at(date(2026, 7, 1), datetime(2026, 9, 1, tzinfo=UTC), 20) == due
    assert due_at(date(2026, 7, 1), None, 20) == due
