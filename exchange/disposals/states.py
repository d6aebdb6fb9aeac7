"""The disposal of what was received, once a subscription has ended (Order 809 Art 27); pure."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.parties import Permitted, Side
from kernel.errors import IllegalTransition
from kernel.workdays import add_working_days, end_of_day, local_date


class State(StrEnum):
    DUE = "due"
    REPORTED = "reported"
    RETURNED = "returned"
    CONFIRMED = "confirmed"


class Action(StrEnum):
    REPORT = "report"
    CONFIRM = "confirm"
    RETURN = "return"


NEXT: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.DUE, Action.REPORT): State.REPORTED,
        (State.RETURNED, Action.REPORT): State.REPORTED,
        (State.REPORTED, Action.CONFIRM): State.CONFIRMED,
        (State.REPORTED, Action.RETURN): State.RETURNED,
    }
)
_HEAD = frozenset({Role.HEAD})
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.REPORT: {Side.CONSUMER: _HEAD},
        Action.CONFIRM: {Side.PROVIDER: _HEAD},
        Action.RETURN: {Side.PROVIDER: _HEAD},
    }
)


def actions(state: State) -> tuple[Action, ...]:
    return tuple(action for action in Action if (state, action) in NEXT)


def next_state(state: State, action: Action) -> State:
    """Return where the action leads; raises IllegalTransition."""
    if (state, action) not in NEXT:
        raise IllegalTransition(
            f"数据处置处于 {state}，不能执行 {action}",
            f"The disposal is {state}: {action} is not possible",
            state=state,
            allowed=list(actions(state)),
        )
    return NEXT[state, action]


def due_at(valid_until: date, ended_at: datetime | None, days: int) -> datetime:
    """Return the end of the last of so many working days after the end of a subscription."""
    last = valid_until if ended_at is None else min(valid_until, local_date(ended_at))
    return end_of_day(add_working_days(last, days))
