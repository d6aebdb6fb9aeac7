"""The life of an endpoint (推送端点) as data; pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.parties import Permitted, Side
from kernel.errors import IllegalTransition


class State(StrEnum):
    """`stopped` at a gap of the log; `untested` until a receiver has answered the challenge."""

    UNTESTED = "untested"
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"


class Action(StrEnum):
    TEST = "test"
    ROTATE = "rotate"
    PAUSE = "pause"
    RESUME = "resume"
    # By the platform alone: a receiver that is gone, a gap of the log.
    GIVE_UP = "give-up"
    STOP = "stop"


class PausedBy(StrEnum):
    HEAD = "head"
    PLATFORM = "platform"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.UNTESTED, Action.TEST): State.ACTIVE,
        (State.ACTIVE, Action.TEST): State.ACTIVE,
        (State.PAUSED, Action.TEST): State.PAUSED,
        (State.STOPPED, Action.TEST): State.STOPPED,
        (State.UNTESTED, Action.ROTATE): State.UNTESTED,
        (State.ACTIVE, Action.ROTATE): State.ACTIVE,
        (State.PAUSED, Action.ROTATE): State.PAUSED,
        (State.STOPPED, Action.ROTATE): State.STOPPED,
        (State.ACTIVE, Action.PAUSE): State.PAUSED,
        (State.PAUSED, Action.RESUME): State.ACTIVE,
        (State.STOPPED, Action.RESUME): State.ACTIVE,
        (State.ACTIVE, Action.GIVE_UP): State.PAUSED,
        (State.ACTIVE, Action.STOP): State.STOPPED,
    }
)
BY_PLATFORM: Final = frozenset({Action.GIVE_UP, Action.STOP})
HEAD: Final[Permitted] = MappingProxyType({Side.CONSUMER: frozenset({Role.HEAD})})
READERS: Final[Permitted] = MappingProxyType({Side.CONSUMER: frozenset({Role.CLERK, Role.HEAD})})
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {action: MappingProxyType({}) if action in BY_PLATFORM else HEAD for action in Action}
)


def actions(state: State) -> tuple[Action, ...]:
    """Return what people may do in a state."""
    return tuple(a for a in Action if (state, a) in NEXT and a not in BY_PLATFORM)


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"推送端点处于 {state}，不能执行 {action}",
            f"The endpoint is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]


def after_test(state: State, paused_by: str | None) -> State:
    """Return the state after a receiver has answered the challenge.

    What the platform paused resumes by it, what its head paused does not.
    """
    if state is State.PAUSED and paused_by == PausedBy.PLATFORM:
        return State.ACTIVE
    return next_state(state, Action.TEST)
