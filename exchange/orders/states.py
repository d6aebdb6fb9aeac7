"""The life of an order to remedy violations (督办单, Order 809 Art 38–41) as data; pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from kernel.errors import IllegalTransition


class State(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


class Action(StrEnum):
    ANSWER = "answer"
    CLOSE = "close"
    REOPEN = "reopen"


class Party(StrEnum):
    """The department that is to remedy, and the authorities over it."""

    DEPARTMENT = "department"
    AUTHORITY = "authority"


# An order that was issued by mistake is closed while it is open.
NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.OPEN, Action.ANSWER): State.ANSWERED,
        (State.OPEN, Action.CLOSE): State.CLOSED,
        (State.ANSWERED, Action.CLOSE): State.CLOSED,
        (State.ANSWERED, Action.REOPEN): State.OPEN,
    }
)

Permitted = Mapping[Party, frozenset[Role]]
_AUTHORITY: Final[Permitted] = {Party.AUTHORITY: frozenset({Role.AUTHORITY})}
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.ANSWER: {Party.DEPARTMENT: frozenset({Role.HEAD})},
        Action.CLOSE: _AUTHORITY,
        Action.REOPEN: _AUTHORITY,
    }
)


def actions(state: State) -> tuple[Action, ...]:
    """Return what people may do in a state."""
    return tuple(each for each in Action if (state, each) in NEXT)


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"督办单处于 {state}，不能执行 {action}",
            f"The order is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]
