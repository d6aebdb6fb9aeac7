"""The life of a dispute between two departments (Order 809 Art 28) as data; pure.

They negotiate; what they cannot settle is decided by the lowest authority above both. A decision
changes nothing in the thing that it is about: it says who is right.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from kernel.errors import IllegalTransition


class Kind(StrEnum):
    """What a dispute is about."""

    VERSION = "version"


class State(StrEnum):
    OPEN = "open"
    REPLIED = "replied"
    DECIDED = "decided"
    CLOSED = "closed"


class Action(StrEnum):
    REPLY = "reply"
    DECIDE = "decide"
    CLOSE = "close"


class Decision(StrEnum):
    """Of the claim: it is right, partly right, or wrong."""

    UPHELD = "upheld"
    PARTLY = "partly"
    DISMISSED = "dismissed"


class Party(StrEnum):
    CLAIMANT = "claimant"
    RESPONDENT = "respondent"
    AUTHORITY = "authority"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.OPEN, Action.REPLY): State.REPLIED,
        (State.OPEN, Action.DECIDE): State.DECIDED,
        (State.OPEN, Action.CLOSE): State.CLOSED,
        (State.REPLIED, Action.DECIDE): State.DECIDED,
        (State.REPLIED, Action.CLOSE): State.CLOSED,
    }
)

Permitted = Mapping[Party, frozenset[Role]]

# `close` is nobody's: a dispute closes when its claimant accepts what it objected to.
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.REPLY: {Party.RESPONDENT: frozenset({Role.HEAD})},
        Action.DECIDE: {Party.AUTHORITY: frozenset({Role.AUTHORITY})},
        Action.CLOSE: {},
    }
)

UNDECIDED: Final = frozenset({State.OPEN, State.REPLIED})


def actions(state: State) -> tuple[Action, ...]:
    """Return what people may do in a state."""
    return tuple(each for each in Action if (state, each) in NEXT and ALLOWED_ROLES[each])


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"争议处于 {state}，不能执行 {action}",
            f"The dispute is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]
