"""Background loops that somebody owns: started, watched, cancelled and awaited."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from kernel import clock

log = logging.getLogger(__name__)

Loop = Callable[[], Coroutine[Any, Any, None]]
# A process that cannot keep a loop alive ends no sooner than this after its start, so that
# whoever starts it again does not spin.
YOUNG_SECONDS = 5.0
# Longer than any orderly stop: what does not stop by itself until then is ended.
STOP_SECONDS = 25.0
FAILED = 1
# What a loop does at its end, like a last flush, is let alone for so long. A cancellation can be
# lost in the libraries that a loop waits in: whoever waits for its end would wait for ever.
CANCEL_AGAIN_SECONDS = 5.0


class _Birth:
    """When this process began; a forked one begins with its fork."""

    at = clock.monotonic()

    @classmethod
    def now(cls) -> None:
        cls.at = clock.monotonic()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Birth.now)


class Loops:
    """Owns the loops of one process; `on_failure` hears of each that ends by itself."""

    def __init__(self, on_failure: Callable[[], None] | None = None) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, str] = {}
        self._on_failure = on_failure

    def start(self, name: str, loop: Loop) -> None:
        task = asyncio.create_task(loop(), name=name)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        self._failed[task.get_name()] = repr(error) if error else "ended"
        log.error("loop %s ended", task.get_name(), exc_info=error)
        if self._on_failure is not None and len(self._failed) == 1:
            self._on_failure()

    @property
    def failed(self) -> dict[str, str]:
        """Names of loops that died, with why."""
        return dict(self._failed)

    async def close(self) -> None:
        """Cancel every loop and return when all have ended."""
        await cancelled(self._tasks.values())
        self._tasks.clear()


async def cancelled(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks and return when all have ended; one that goes on is told again."""
    living = set(tasks)
    while living:
        for task in living:
            task.cancel()
        _ended, living = await asyncio.wait(living, timeout=CANCEL_AGAIN_SECONDS)


def end_process() -> None:
    """Stop this process as SIGTERM does, and by force if it does not; its supervisor restarts it.

    Without one of its loops a process serves old rules, counts nothing or notices nothing.
    """
    log.critical("this process ends, to be started again: one of its loops has died")
    end_by_force_after(STOP_SECONDS + YOUNG_SECONDS)
    age = clock.monotonic() - _Birth.at
    stop = threading.Timer(max(0.0, YOUNG_SECONDS - age), os.kill, (os.getpid(), signal.SIGTERM))
    stop.daemon = True
    stop.start()


def end_by_force_after(seconds: float) -> None:
    """End this process with FAILED when it has not ended by itself until then."""
    end = threading.Timer(seconds, os._exit, (FAILED,))
    end.daemon = True
    end.start()
