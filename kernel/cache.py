"""Values loaded once and dropped the moment their rules change; bounded (P3, P9)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class RuleCache(Generic[Value]):
    """A load that began before a drop is never remembered after it.

    At most `at_once` loads are under way: after a start thousands of misses come together, and
    would otherwise wait for a connection of the database until their patience ends.
    """

    def __init__(
        self, load: Callable[[str], Coroutine[Any, Any, Value]], *, size: int, at_once: int = 3
    ) -> None:
        self._load_one = load
        self._turns = asyncio.Semaphore(at_once)
        self._size = size
        self._values: dict[str, Value] = {}
        self._loading: dict[str, asyncio.Task[Value]] = {}

    def known(self, key: str) -> Value | None:
        """Return the value when it is at hand; costs one look-up."""
        return self._values.get(key)

    async def get(self, key: str) -> Value:
        """Return the value, loading it at most once at a time."""
        value = self._values.get(key)
        if value is not None:
            return value
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key))
            task.add_done_callback(lambda done: self._loaded(key, done))
        return await asyncio.shield(task)

    async def _load(self, key: str) -> Value:
        async with self._turns:
            return await self._load_one(key)

    def _loaded(self, key: str, task: asyncio.Task[Value]) -> None:
        if task.cancelled() or task.exception() is not None:
            remember = False
        else:
            remember = self._loading.get(key) is task
        if self._loading.get(key) is task:
            del self._loading[key]
        if remember:
            if len(self._values) >= self._size:
                self._values.pop(next(iter(self._values)))
            self._values[key] = task.result()

    def drop(self, key: str) -> None:
        self._values.pop(key, None)
        self._loading.pop(key, None)

    def clear(self) -> None:
        self._values.clear()
        self._loading.clear()
