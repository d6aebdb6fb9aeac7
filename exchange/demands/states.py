"""The life of a demand for data that nobody shares yet (供需对接, Order 809 Art 20); pure.

A merged demand follows the one that it went into: it is met or closed with it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from kernel.errors import IllegalTransition


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    MERGED = "merged"
    MET = "met"
    CLOSED = "closed"


class Action(StrEnum):
    SUBMIT = "submit"
    MERGE = "merge"
    ASSIGN = "assign"
    ACCEPT = "accept"
    DECLINE = "decline"
    MEET = "meet"
    CLOSE = "close"


class Party(StrEnum):
    """The department that asks, the one that the demand is assigned to, and the authority."""

    DEMANDER = "demander"
    ASSIGNED = "assigned"
    AUTHORITY = "authority"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
        (State.DRAFT, Action.CLOSE): State.CLOSED,
        (State.SUBMITTED, Action.MERGE): State.MERGED,
        (State.SUBMITTED, Action.ASSIGN): State.ASSIGNED,
        (State.SUBMITTED, Action.CLOSE): State.CLOSED,
        (State.ASSIGNED, Action.MERGE): State.MERGED,
        (State.ASSIGNED, Action.ASSIGN): State.ASSIGNED,
        (State.ASSIGNED, Action.ACCEPT): State.ACCEPTED,
        (State.ASSIGNED, Action.DECLINE): State.SUBMITTED,
        (State.ASSIGNED, Action.MEET): State.MET,
        (State.ASSIGNED, Action.CLOSE): State.CLOSED,
        (State.ACCEPTED, Action.MERGE): State.MERGED,
        (State.ACCEPTED, Action.DECLINE): State.SUBMITTED,
        (State.ACCEPTED, Action.MEET): State.MET,
        (State.ACCEPTED, Action.CLOSE): State.CLOSED,
        (State.MERGED, Action.MEET): State.MET,
        (State.MERGED, Action.CLOSE): State.CLOSED,
    }
)

Permitted = Mapping[Party, frozenset[Role]]
_HEAD = frozenset({Role.HEAD})
_AUTHORITY: Final[Permitted] = {Party.AUTHORITY: frozenset({Role.AUTHORITY})}
_ASSIGNED: Final[Permitted] = {Party.ASSIGNED: _HEAD}

ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.SUBMIT: {Party.DEMANDER: _HEAD},
        Action.MERGE: _AUTHORITY,
        Action.ASSIGN: _AUTHORITY,
        Action.ACCEPT: _ASSIGNED,
        Action.DECLINE: _ASSIGNED,
        Action.MEET: _ASSIGNED,
        Action.CLOSE: {Party.DEMANDER: frozenset({Role.CLERK, Role.HEAD}), **_AUTHORITY},
    }
)

# What others may still be merged into: nobody has met or closed it.
OPEN: Final = frozenset({State.SUBMITTED, State.ASSIGNED, State.ACCEPTED})


def actions(state: State) -> tuple[Action, ...]:
    """Return what people may do in a state; what is merged is met with the one it follows."""
    followed = {Action.MEET} if state is State.MERGED else set()
    return tuple(each for each in Action if (state, each) in NEXT and each not in followed)


def next_state(state: State, action: Action) -> State:
    """Return where somebody's action leads; raises IllegalTransition."""
    if action not in actions(state):
        raise IllegalTransition(
            f"数据需求处于 {state}，不能执行 {action}",
            f"The demand is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]
