"""The states of a full replacement, and how many deletes a commit may bring; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kernel.errors import IllegalTransition

LASTS: Final = timedelta(hours=24)
DEFAULT_PERCENT: Final = 10


class State(StrEnum):
    OPEN = "open"
    COMMITTING = "committing"
    COMMITTED = "committed"
    ABORTED = "aborted"
    EXPIRED = "expired"


class Action(StrEnum):
    COMMIT = "commit"
    ABORT = "abort"
    # Steps of the job: its work is done, or refused.
    FINISH = "finish"
    REOPEN = "reopen"
    EXPIRE = "expire"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.OPEN, Action.COMMIT): State.COMMITTING,
        (State.OPEN, Action.ABORT): State.ABORTED,
        (State.OPEN, Action.EXPIRE): State.EXPIRED,
        (State.COMMITTING, Action.ABORT): State.ABORTED,
        (State.COMMITTING, Action.FINISH): State.COMMITTED,
        (State.COMMITTING, Action.REOPEN): State.OPEN,
        (State.COMMITTING, Action.EXPIRE): State.EXPIRED,
    }
)
ASKED: Final = (Action.COMMIT, Action.ABORT)
"""What a provider may ask for; the others happen."""


def state_at(status: str, ends_at: datetime, now: datetime) -> State:
    """Return the state at a moment: what is not committed in its time is over."""
    state = State(status)
    return State.EXPIRED if (state, Action.EXPIRE) in NEXT and now >= ends_at else state


def actions(state: State) -> tuple[Action, ...]:
    return tuple(action for action in ASKED if (state, action) in NEXT)


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"全量替换处于 {state}，不能执行 {action}",
            f"The replacement is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]


def most_deletes(asked: int | None, records: int) -> int:
    """Return how many deletes are let through: a number, or a tenth of the latest state."""
    return records * DEFAULT_PERCENT // 100 if asked is None else asked
