"""The life of a dispute between two departments (Order 809 Art 28) as data; pure.

They negotiate: one proposes a settlement, the other agrees. What they cannot settle the lowest
authority above both decides, whether it was called (`escalate`) or not. Whoever disagrees appeals
within ten working days to the people's government, whose decision that authority records. A
decision changes nothing in the thing that it is about: it says who is right.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from kernel.errors import IllegalTransition
from kernel.workdays import add_working_days, end_of_day, local_date

APPEAL_WORKING_DAYS: Final = 10


class Kind(StrEnum):
    """What a dispute is about."""

    SOURCE = "source"
    CATALOGUE = "catalogue"
    APPLICATION = "application"
    USE = "use"
    CORRECTION = "correction"
    VERSION = "version"


class State(StrEnum):
    OPEN = "open"
    REPLIED = "replied"
    ESCALATED = "escalated"
    DECIDED = "decided"
    APPEALED = "appealed"
    CLOSED = "closed"


class Action(StrEnum):
    REPLY = "reply"
    SETTLE = "settle"
    ESCALATE = "escalate"
    DECIDE = "decide"
    APPEAL = "appeal"
    CONCLUDE = "conclude"
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


# The first `settle` proposes and moves nothing.
NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.OPEN, Action.REPLY): State.REPLIED,
        (State.OPEN, Action.SETTLE): State.CLOSED,
        (State.OPEN, Action.ESCALATE): State.ESCALATED,
        (State.OPEN, Action.DECIDE): State.DECIDED,
        (State.OPEN, Action.CLOSE): State.CLOSED,
        (State.REPLIED, Action.SETTLE): State.CLOSED,
        (State.REPLIED, Action.ESCALATE): State.ESCALATED,
        (State.REPLIED, Action.DECIDE): State.DECIDED,
        (State.REPLIED, Action.CLOSE): State.CLOSED,
        (State.ESCALATED, Action.SETTLE): State.CLOSED,
        (State.ESCALATED, Action.DECIDE): State.DECIDED,
        (State.ESCALATED, Action.CLOSE): State.CLOSED,
        (State.DECIDED, Action.APPEAL): State.APPEALED,
        (State.DECIDED, Action.CLOSE): State.CLOSED,
        (State.APPEALED, Action.CONCLUDE): State.CLOSED,
    }
)

Permitted = Mapping[Party, frozenset[Role]]
_HEAD = frozenset({Role.HEAD})
_EITHER: Final[Permitted] = {Party.CLAIMANT: _HEAD, Party.RESPONDENT: _HEAD}
_AUTHORITY: Final[Permitted] = {Party.AUTHORITY: frozenset({Role.AUTHORITY})}

# `close` is nobody's: a dispute closes when its claimant accepts what it objected to, and ten
# working days after a decision that nobody has appealed against.
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.REPLY: {Party.RESPONDENT: _HEAD},
        Action.SETTLE: _EITHER,
        Action.ESCALATE: _EITHER,
        Action.DECIDE: _AUTHORITY,
        Action.APPEAL: _EITHER,
        Action.CONCLUDE: _AUTHORITY,
        Action.CLOSE: {},
    }
)

UNDECIDED: Final = frozenset({State.OPEN, State.REPLIED, State.ESCALATED})
PENDING: Final = UNDECIDED | {State.APPEALED}


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


def appealable_until(decided_at: datetime) -> datetime:
    """Return the end of the last day on which either department may appeal."""
    return end_of_day(add_working_days(local_date(decided_at), APPEAL_WORKING_DAYS))


def current(state: State, appeal_until: datetime | None, now: datetime) -> State:
    """Return the state at a moment: a decision closes whether or not anybody looks."""
    if state is State.DECIDED and appeal_until is not None and now >= appeal_until:
        return State.CLOSED
    return state
