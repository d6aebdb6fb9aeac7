"""One department lets another act for it (Order 809 Art 36): both heads agree, either ends it."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from kernel.errors import IllegalTransition


class State(StrEnum):
    """`expired` is not kept: the last day has passed."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"
    EXPIRED = "expired"


class Action(StrEnum):
    CONSENT = "consent"
    END = "end"


class Power(StrEnum):
    """What may be done for the other: its catalogue, its records, its applications, corrections."""

    CATALOGUE = "catalogue"
    PUBLISH = "publish"
    APPLY = "apply"
    CORRECT = "correct"


class Party(StrEnum):
    """The department that is acted for, and the one that acts."""

    DEPARTMENT = "department"
    DELEGATE = "delegate"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.PROPOSED, Action.CONSENT): State.ACTIVE,
        (State.PROPOSED, Action.END): State.ENDED,
        (State.ACTIVE, Action.END): State.ENDED,
    }
)
_HEAD = frozenset({Role.HEAD})
ALLOWED_ROLES: Final[Mapping[Action, Mapping[Party, frozenset[Role]]]] = MappingProxyType(
    {
        Action.CONSENT: {Party.DELEGATE: _HEAD},
        Action.END: {Party.DEPARTMENT: _HEAD, Party.DELEGATE: _HEAD},
    }
)


def current(state: State, until: date, today: date) -> State:
    return State.EXPIRED if state is not State.ENDED and today > until else state


def actions(state: State) -> tuple[Action, ...]:
    return tuple(action for action in Action if (state, action) in NEXT)


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"委托处于 {state}，不能执行 {action}",
            f"The delegation is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]
