"""What a bundle's lines make of it: its status is derived, never kept; pure."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.applications.states import NEXT, UNDECIDED
from exchange.applications.states import Action as Step
from exchange.applications.states import State as Standing
from kernel.errors import IllegalTransition


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"


class LineStatus(StrEnum):
    """That of its application, or a draft that was left out when the head signed."""

    NOT_SIGNED = "not_signed"


class Action(StrEnum):
    SIGN = "sign"
    WITHDRAW = "withdraw"


ALLOWED_ROLES: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.SIGN: frozenset({Role.HEAD}),
        Action.WITHDRAW: frozenset({Role.CLERK, Role.HEAD}),
    }
)
# The step of each line that the action takes.
STEPS: Final[Mapping[Action, Step]] = MappingProxyType(
    {Action.SIGN: Step.SIGN, Action.WITHDRAW: Step.WITHDRAW}
)


def line_status(application: Standing, *, refused: bool) -> str:
    """Return the status of a line; `refused` where a signature did not hold for it."""
    left_out = refused and application is Standing.DRAFT
    return str(LineStatus.NOT_SIGNED if left_out else application)


def status(lines: Collection[str]) -> Status:
    """Return `done` when nobody has anything to decide about a line any more."""
    return Status.DONE if UNDECIDED.isdisjoint(lines) else Status.OPEN


def fits(action: Action, line: str) -> bool:
    """Whether the action takes its step of a line. What was left out can be taken back."""
    state = Standing.DRAFT if line == LineStatus.NOT_SIGNED else Standing(line)
    return (state, STEPS[action]) in NEXT


def actions(lines: Collection[str]) -> tuple[Action, ...]:
    """Return what may be done with a bundle of such lines."""
    return tuple(action for action in Action if any(fits(action, line) for line in lines))


def require(action: Action, lines: Collection[str]) -> None:
    """Raise IllegalTransition where the action would take no step of any line."""
    possible = actions(lines)
    if action not in possible:
        raise IllegalTransition(
            f"批量申请的各行均不能执行 {action}",
            f"{action} is not possible for any line of the bundle",
            state=status(lines),
            allowed=list(possible),
        )
