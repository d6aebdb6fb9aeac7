"""Background loops that somebody owns: started, watched, cancelled and awaited."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

Loop = Callable[[], Coroutine[Any, Any, None]]


class Loops:
    """Owns the loops of one process; a loop that ends by itself turns health red."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, str] = {}

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

    @property
    def failed(self) -> dict[str, str]:
        """Names of loops that died, with why."""
        return dict(self._failed)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
