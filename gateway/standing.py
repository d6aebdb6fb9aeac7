"""What is asked of a thing before an act on it: who may know of it, its revision, its state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from auth.principal import Principal, Role
from kernel.database import ReadSession
from kernel.errors import IllegalTransition


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the thing stands; `refusal` is what its state says to the act."""

    revision: int | None = None
    refusal: IllegalTransition | None = None


Look = Callable[[ReadSession, Principal, str], Awaitable[Standing]]


@dataclass(frozen=True, slots=True)
class Act:
    """`roles` may do it, none where any caller may; `look` raises 403 and 404 errors."""

    look: Look
    roles: tuple[Role, ...] = ()


def refusal_of(step: Callable[[], object]) -> IllegalTransition | None:
    """Return what the state says to a step, None where it allows it."""
    try:
        step()
    except IllegalTransition as refusal:
        return refusal
    return None
