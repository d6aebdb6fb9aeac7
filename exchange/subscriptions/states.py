"""The life of a subscription (Order 809 Art 27) as data; pure."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.parties import Permitted, Side
from kernel.errors import IllegalTransition
from kernel.workdays import end_of_day


class State(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    TERMINATED = "terminated"


class Action(StrEnum):
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"
    EXPIRE = "expire"
    RENEW = "renew"
    AMEND = "amend"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.ACTIVE, Action.SUSPEND): State.SUSPENDED,
        (State.ACTIVE, Action.TERMINATE): State.TERMINATED,
        (State.ACTIVE, Action.EXPIRE): State.EXPIRED,
        (State.SUSPENDED, Action.RESUME): State.ACTIVE,
        (State.SUSPENDED, Action.TERMINATE): State.TERMINATED,
        (State.SUSPENDED, Action.EXPIRE): State.EXPIRED,
        (State.ACTIVE, Action.RENEW): State.ACTIVE,
        (State.SUSPENDED, Action.RENEW): State.SUSPENDED,
        (State.EXPIRED, Action.RENEW): State.ACTIVE,
        (State.ACTIVE, Action.AMEND): State.ACTIVE,
        (State.SUSPENDED, Action.AMEND): State.SUSPENDED,
    }
)

_CLERK = frozenset({Role.CLERK})
_HEAD = frozenset({Role.HEAD})
_AUTHORITY = frozenset({Role.AUTHORITY})

# `expire` is nobody's: the calendar does it. `renew` and `amend` are asked for by an application,
# which the provider's head agrees to; a suspension outlives both. A provider terminates only what
# the authority has filed (备案, Art 27).
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.SUSPEND: {Side.PROVIDER: _HEAD, Side.AUTHORITY: _AUTHORITY},
        Action.RESUME: {Side.PROVIDER: _HEAD, Side.AUTHORITY: _AUTHORITY},
        Action.TERMINATE: {
            Side.CONSUMER: _HEAD,
            Side.PROVIDER: _HEAD,
            Side.AUTHORITY: _AUTHORITY,
        },
        Action.EXPIRE: {},
        Action.RENEW: {Side.CONSUMER: _CLERK},
        Action.AMEND: {Side.CONSUMER: _CLERK},
    }
)
# Of the history, and no transition.
FILING: Final = "file-termination"
FILING_ROLES: Final[Permitted] = MappingProxyType({Side.AUTHORITY: _AUTHORITY})

LIVE: Final = frozenset({State.ACTIVE, State.SUSPENDED})


def actions(state: State) -> tuple[Action, ...]:
    """Return what people may do in a state."""
    return tuple(a for a in Action if (state, a) in NEXT and a is not Action.EXPIRE)


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"共享授权处于 {state}，不能执行 {action}",
            f"The subscription is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]


def current(state: State, valid_until: date, now: datetime) -> State:
    """Return the state at a moment: a subscription expires whether or not a loop has seen it."""
    if state in LIVE and now >= end_of_day(valid_until):
        return State.EXPIRED
    return state
