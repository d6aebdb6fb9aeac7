"""The life of a correction (Order 809 Art 26) as data; pure.

C7 runs from its receipt until it is rejected or fixed. What was fixed may be reopened once, which
starts another C7.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.parties import Permitted, Side
from kernel.errors import IllegalTransition

C7: Final = "C7"


class Defect(StrEnum):
    WRONG = "wrong"
    MISSING = "missing"
    STALE = "stale"
    DUPLICATE = "duplicate"
    OTHER = "other"


class State(StrEnum):
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FIXED = "fixed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    FIX = "fix"
    CONFIRM = "confirm"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.SUBMITTED, Action.ACCEPT): State.ACCEPTED,
        (State.SUBMITTED, Action.REJECT): State.REJECTED,
        (State.SUBMITTED, Action.WITHDRAW): State.WITHDRAWN,
        (State.ACCEPTED, Action.REJECT): State.REJECTED,
        (State.ACCEPTED, Action.FIX): State.FIXED,
        (State.ACCEPTED, Action.WITHDRAW): State.WITHDRAWN,
        (State.FIXED, Action.CONFIRM): State.CONFIRMED,
        (State.FIXED, Action.REOPEN): State.ACCEPTED,
    }
)

AUTHORS: Final = frozenset({Role.CLERK, Role.HEAD})
_HEAD = frozenset({Role.HEAD})
# The subscription's own client may do whatever its department's staff may.
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.ACCEPT: {Side.PROVIDER: _HEAD},
        Action.REJECT: {Side.PROVIDER: _HEAD},
        Action.FIX: {Side.PROVIDER: AUTHORS},
        Action.CONFIRM: {Side.CONSUMER: AUTHORS},
        Action.REOPEN: {Side.CONSUMER: AUTHORS},
        Action.WITHDRAW: {Side.CONSUMER: AUTHORS},
    }
)
# Where C7 runs.
ANSWERABLE: Final = frozenset({State.SUBMITTED, State.ACCEPTED})
FIXES: Final = frozenset({State.FIXED, State.CONFIRMED})


def actions(state: State, *, reopened: bool) -> tuple[Action, ...]:
    """Return what may be done in a state; a second time nothing is reopened."""
    return tuple(
        each
        for each in Action
        if (state, each) in NEXT and not (reopened and each is Action.REOPEN)
    )


def next_state(state: State, action: Action, *, reopened: bool) -> State:
    """Return where the action leads; raises IllegalTransition."""
    possible = actions(state, reopened=reopened)
    if action not in possible:
        raise IllegalTransition(
            f"校核申请处于 {state}，不能执行 {action}",
            f"The correction is {state}: {action} is not possible",
            state=state,
            allowed=list(possible),
        )
    return NEXT[state, action]
