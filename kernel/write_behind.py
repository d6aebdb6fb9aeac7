"""Writes behind the answers: gathered for a moment, and tried until the database has it.

No group commit: nobody waits for the result, so that a moment's linger costs no latency and saves
statements, and a write that fails is repeated instead of told.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from kernel.database import is_passing

log = logging.getLogger(__name__)

# A retry that comes within this time waits as long for its first answer.
LINGER_SECONDS = 0.03
AT_ONCE = 1000
RETRY_SECONDS = 0.5
CLOSE_SECONDS = 3.0

Item = TypeVar("Item")


class WriteBehind(Generic[Item]):
    """`write` must come to the same however often it is done; order is that of arrival."""

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: deque[Item] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def put(self, item: Item) -> None:
        self._waiting.append(item)
        if self._task is None:
            self._task = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if not self._closing:
                    await asyncio.sleep(LINGER_SECONDS)
                items = list(islice(self._waiting, AT_ONCE))
                await self._until_written(items)
                for _ in items:
                    self._waiting.popleft()
        finally:
            self._task = None

    async def _until_written(self, items: Sequence[Item]) -> None:
        while True:
            try:
                await self._write(items)
            except Exception as error:
                log.warning("what is written behind waits for the database: %r", error)
                if not is_passing(error):
                    log.exception("and this will not pass by itself")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def close(self) -> None:
        """Wait a moment for what is being written; the rest can be told from the log."""
        self._closing = True
        if self._task is not None:
            _done, late = await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
