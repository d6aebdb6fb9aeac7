"""Whether a request may be dropped when its caller leaves: until what it changes has begun."""

import asyncio
from collections.abc import Callable
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


def dropping(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Return what ends the task that asks, once its client left, unless its change has begun.

    `loop` is the one that runs it.
    """
    change, task = Change(), asyncio.current_task(loop)
    CHANGE.set(change)

    def leave() -> None:
        if task is not None and not change.begun:
            task.cancel()

    return leave
