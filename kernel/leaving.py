"""Whether a request may be dropped when its caller leaves: until what it changes has begun."""

from contextvars import ContextVar
from typing import Final


class Change:
    """What one request changes; once it has begun it goes on, whoever waits for it."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False


CHANGE: Final[ContextVar[Change | None]] = ContextVar("change", default=None)


def begin() -> None:
    """Tell that from here on the request must not be dropped."""
    change = CHANGE.get()
    if change is not None:
        change.begun = True
