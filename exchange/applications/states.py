"""The life of a sharing application (Order 809 Art 20–21) as data; pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.parties import Permitted, Side
from kernel.errors import IllegalTransition


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    SUPPLEMENT_REQUESTED = "supplement_requested"
    EXTENSION_REQUESTED = "extension_requested"
    AGREED = "agreed"
    REFUSED = "refused"
    REROUTED = "rerouted"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    SIGN = "sign"
    REQUEST_SUPPLEMENT = "request-supplement"
    SUPPLEMENT = "supplement"
    EXTEND = "extend"
    CONSENT_EXTENSION = "consent-extension"
    DENY_EXTENSION = "deny-extension"
    AGREE = "agree"
    REFUSE = "refuse"
    REROUTE = "reroute"
    WITHDRAW = "withdraw"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.DRAFT, Action.SIGN): State.SUBMITTED,
        (State.DRAFT, Action.WITHDRAW): State.WITHDRAWN,
        (State.SUBMITTED, Action.REQUEST_SUPPLEMENT): State.SUPPLEMENT_REQUESTED,
        (State.SUBMITTED, Action.EXTEND): State.EXTENSION_REQUESTED,
        (State.SUBMITTED, Action.AGREE): State.AGREED,
        (State.SUBMITTED, Action.REFUSE): State.REFUSED,
        (State.SUBMITTED, Action.REROUTE): State.REROUTED,
        (State.SUBMITTED, Action.WITHDRAW): State.WITHDRAWN,
        (State.SUPPLEMENT_REQUESTED, Action.SUPPLEMENT): State.SUBMITTED,
        (State.SUPPLEMENT_REQUESTED, Action.WITHDRAW): State.WITHDRAWN,
        (State.EXTENSION_REQUESTED, Action.CONSENT_EXTENSION): State.SUBMITTED,
        (State.EXTENSION_REQUESTED, Action.DENY_EXTENSION): State.SUBMITTED,
        (State.EXTENSION_REQUESTED, Action.WITHDRAW): State.WITHDRAWN,
    }
)

_CLERK = frozenset({Role.CLERK})
_HEAD = frozenset({Role.HEAD})
_AUTHORITY = frozenset({Role.AUTHORITY})

# Both replies want the sign-off of the department's own 工作机构负责人 (Art 20): its `head`.
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.SIGN: {Side.CONSUMER: _HEAD},
        Action.REQUEST_SUPPLEMENT: {Side.PROVIDER: _CLERK | _HEAD},
        Action.SUPPLEMENT: {Side.CONSUMER: _CLERK},
        Action.EXTEND: {Side.PROVIDER: _HEAD},
        Action.CONSENT_EXTENSION: {Side.AUTHORITY: _AUTHORITY},
        Action.DENY_EXTENSION: {Side.AUTHORITY: _AUTHORITY},
        Action.AGREE: {Side.PROVIDER: _HEAD},
        Action.REFUSE: {Side.PROVIDER: _HEAD},
        Action.REROUTE: {Side.AUTHORITY: _AUTHORITY},
        Action.WITHDRAW: {Side.CONSUMER: _CLERK | _HEAD},
    }
)

# Waiting for the provider's reply: the legal clock can be missed in these states.
AWAITING_REPLY: Final = frozenset({State.SUBMITTED, State.EXTENSION_REQUESTED})


# Nobody has decided yet: it can be withdrawn.
UNDECIDED: Final = frozenset(state for state, action in NEXT if action is Action.WITHDRAW)


def actions(state: State, *, supplement_used: bool = False) -> tuple[Action, ...]:
    """Return what may be done in a state; everything missing is told once only (Art 21)."""
    return tuple(
        action
        for action in Action
        if (state, action) in NEXT and not (supplement_used and action is Action.REQUEST_SUPPLEMENT)
    )


def next_state(state: State, action: Action, *, supplement_used: bool = False) -> State:
    """Return where the action leads; raises IllegalTransition."""
    possible = actions(state, supplement_used=supplement_used)
    if action not in possible:
        raise IllegalTransition(
            f"申请处于 {state}，不能执行 {action}",
            f"The application is {state}: {action} is not possible",
            state=state,
            allowed=list(possible),
        )
    return NEXT[state, action]
