"""A bundle is what its lines are: every action against every state of a line."""

from itertools import product

import pytest

from exchange.applications.states import NEXT, State
from exchange.applications.states import Action as Step
from exchange.bundles.states import (
    STEPS,
    Action,
    LineStatus,
    Status,
    actions,
    fits,
    line_status,
    require,
    status,
)
from kernel.errors import IllegalTransition

LINES = [*map(str, State), str(LineStatus.NOT_SIGNED)]
WAITING = {"draft", "submitted", "supplement_requested", "extension_requested"}


@pytest.mark.parametrize(("action", "line"), list(product(Action, LINES)))
def test_an_action_takes_the_step_that_the_applications_table_allows(
    action: Action, line: str
) -> None:
    state = State.DRAFT if line == LineStatus.NOT_SIGNED else State(line)
    expected = (state, STEPS[action]) in NEXT
    assert fits(action, line) is expected
    assert (action in actions([line])) is expected
    if expected:
        require(action, [line, "agreed"])
        return
    with pytest.raises(IllegalTransition) as refused:
        require(action, [line])
    assert refused.value.facts["allowed"] == list(actions([line]))


@pytest.mark.parametrize("line", LINES)
def test_a_bundle_is_done_when_nobody_has_anything_to_decide(line: str) -> None:
    expected = Status.OPEN if line in WAITING else Status.DONE
    assert status([line]) is expected
    assert status([line, "refused"]) is expected
    assert status([line, "submitted"]) is Status.OPEN


def test_a_line_that_was_left_out_is_so_while_it_is_a_draft() -> None:
    assert line_status(State.DRAFT, refused=True) == "not_signed"
    assert line_status(State.DRAFT, refused=False) == "draft"
    for state in set(State) - {State.DRAFT}:
        assert line_status(state, refused=True) == state


def test_nothing_is_possible_without_lines() -> None:
    assert actions([]) == ()
    assert status([]) is Status.DONE
    assert set(STEPS.values()) == {Step.SIGN, Step.WITHDRAW}
