"""Every state of a client against every action."""

import pytest

from auth.states import NEXT, Action, State, after, allowed
from kernel.errors import IllegalTransition

TABLE = [(state, action) for state in State for action in Action]


@pytest.mark.parametrize(("state", "action"), TABLE)
def test_an_action_leads_where_the_table_says_or_is_refused(state: State, action: Action) -> None:
    if (state, action) in NEXT:
        assert after(state, action) is NEXT[state, action]
        return
    with pytest.raises(IllegalTransition) as refused:
        after(state, action)
    assert refused.value.facts == {"state": state, "allowed": allowed(state)}


def test_a_suspended_client_cannot_be_suspended_again() -> None:
    assert (State.SUSPENDED, Action.SUSPEND) not in NEXT
    assert (State.ACTIVE, Action.RESUME) not in NEXT
