"""An order is answered by its department alone, and closed by an authority over it alone."""

import itertools
from datetime import date

import pytest

from auth.principal import Principal, Role
from exchange.orders.register import allowed, is_overdue
from exchange.orders.states import NEXT, Action, State, actions, next_state
from exchange.orders.tables import Order
from kernel.clock import now
from kernel.errors import IllegalTransition

DAY = date(2026, 3, 2)


def who(department: str, role: Role, region: str = "450000") -> Principal:
    return Principal(
        kind="person",
        id="p",
        department=department,
        region_code=region,
        is_authority=True,
        roles=frozenset({role}),
        scopes=frozenset(),
        token_id="t",
        expires_at=0,
    )


def order(state: State) -> Order:
    return Order(
        id="1",
        status=state,
        department="D",
        region_code="450100",
        authority_department="O",
        text="t",
        due_on=DAY,
        issued_by="p",
        issued_at=now(),
    )


@pytest.mark.parametrize("state", State)
def test_who_may_do_what_in_each_state(state: State) -> None:
    may = {
        ("D", Role.HEAD): {Action.ANSWER},
        ("O", Role.AUTHORITY): {Action.CLOSE, Action.REOPEN},
    }
    for department, role in itertools.product("DOX", Role):
        region = "450200" if department == "X" else "450000"
        person = who(department, role, region)
        expected = [each for each in actions(state) if each in may.get((department, role), ())]
        assert allowed(person, order(state)) == expected, (department, role)


@pytest.mark.parametrize(("state", "action"), [*itertools.product(State, Action)])
def test_an_action_leads_on_or_is_refused(state: State, action: Action) -> None:
    if (state, action) in NEXT:
        assert next_state(state, action) is NEXT[state, action]
        return
    with pytest.raises(IllegalTransition) as refusal:
        next_state(state, action)
    assert refusal.value.facts["allowed"] == list(actions(state))


def test_an_order_is_overdue_after_its_day_while_it_is_open() -> None:
    assert not is_overdue(order(State.OPEN), DAY)
    assert is_overdue(order(State.OPEN), date(2026, 3, 3))
    assert not is_overdue(order(State.ANSWERED), date(2026, 3, 3))
