"""The life of a client (应用系统) as a table; pure."""

from collections.abc import Mapping
from enum import StrEnum

from kernel.errors import IllegalTransition


class State(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Action(StrEnum):
    ROTATE = "rotate"
    SUSPEND = "suspend"
    RESUME = "resume"


# A suspended client may rotate: that is how a leaked secret is repaired before it resumes.
NEXT: Mapping[tuple[State, Action], State] = {
    (State.ACTIVE, Action.ROTATE): State.ACTIVE,
    (State.ACTIVE, Action.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Action.ROTATE): State.SUSPENDED,
    (State.SUSPENDED, Action.RESUME): State.ACTIVE,
}


def allowed(state: State) -> list[Action]:
    return [action for (origin, action) in NEXT if origin is state]


def after(state: State, action: Action) -> State:
    """Return the state after the action; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(state=state, allowed=allowed(state))
    return NEXT[state, action]
