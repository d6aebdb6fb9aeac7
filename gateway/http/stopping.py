"""How a worker stops without losing a request (docs/how-to/balance-and-restart.md).

The signal begins it: `/readyz` turns, polls end, answers say that their connection closes. After
`drain_seconds`, in which balancers look elsewhere, the server is told to stop.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

SIGNALS = (signal.SIGTERM, signal.SIGINT)

Handler = Callable[[int, FrameType | None], Any]


class Stopping:
    """`begun` when the worker was told to stop, `refusing` when it takes nothing new."""

    def __init__(self) -> None:
        self.begun = False
        self.refusing = False


# One process is one worker.
STOPPING: Final = Stopping()


@contextmanager
def draining(drain_seconds: float, on_begin: Callable[[], None]) -> Iterator[None]:
    """Put the drain before what the server does at a signal; nothing where no server listens."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    drain = _Drain(asyncio.get_running_loop(), drain_seconds, on_begin, handlers)
    served = [number for number, handler in handlers.items() if _is_of_a_server(handler)]
    for number in served:
        signal.signal(number, drain.on_signal)
    try:
        yield
    finally:
        for number in served:
            signal.signal(number, handlers[number])


def _is_of_a_server(handler: object) -> bool:
    return callable(handler) and handler is not signal.default_int_handler


class _Drain:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        on_begin: Callable[[], None],
        handlers: dict[signal.Signals, Any],
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._on_begin = on_begin
        self._handlers = handlers
        self._told = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Begin; a second SIGINT, from somebody at a terminal, ends the wait."""
        if not self._told:
            self._told = True
            self._loop.call_soon_threadsafe(self._begin, number)
        elif number == signal.SIGINT:
            self._handlers[signal.SIGINT](number, frame)

    def _begin(self, number: int) -> None:
        STOPPING.begun = True
        self._on_begin()
        self._loop.call_later(self._seconds, self._end, number)

    def _end(self, number: int) -> None:
        STOPPING.refusing = True
        self._handlers[signal.Signals(number)](number, None)
