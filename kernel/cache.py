"""Values loaded once and dropped the moment their rules change; bounded (P3, P9)."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class RuleCache(Generic[Value]):
    """A load that began before a drop is never remembered after it.

    The value that was not asked for the longest goes when there is no room; `on_gone` hears of each
    value that goes, for whatever reason, so that what is kept beside it is bounded too.

    At most `at_once` loads are under way: after a start thousands of misses come together, and
    would otherwise wait for a connection of the database until their patience ends. With `parts`
    the cache is bounded by `most_bytes` too: they are the bytes of each part of a value by the
    part's identity, so that what values share counts once.
    """

    def __init__(
        self,
        load: Callable[[str], Coroutine[Any, Any, Value]],
        *,
        size: int,
        at_once: int = 3,
        on_gone: Callable[[str, Value], None] | None = None,
        parts: Callable[[Value], Mapping[int, int]] | None = None,
        most_bytes: int = 0,
    ) -> None:
        self._load_one = load
        self._turns = asyncio.Semaphore(at_once)
        self._size = size
        self._parts_of, self._most_bytes = parts, most_bytes
        self._parts: dict[str, Mapping[int, int]] = {}
        self._holders: Counter[int] = Counter()
        self.bytes_held = 0
        self._on_gone = on_gone
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Value]] = {}

    def known(self, key: str) -> Value | None:
        """Return the value when it is at hand; costs one look-up."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    async def get(self, key: str) -> Value:
        """Return the value, loading it at most once at a time."""
        value = self.known(key)
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
            self._forget(key)
            self._values[key] = task.result()
            self._weigh(key, task.result())
            while len(self._values) > self._size or self._is_heavy():
                self._forget(next(iter(self._values)))

    def _is_heavy(self) -> bool:
        return self.bytes_held > self._most_bytes and len(self._values) > 1

    def _weigh(self, key: str, value: Value) -> None:
        if self._parts_of is None:
            return
        self._parts[key] = self._parts_of(value)
        for part, size in self._parts[key].items():
            self._holders[part] += 1
            if self._holders[part] == 1:
                self.bytes_held += size

    def _forget(self, key: str) -> None:
        value = self._values.pop(key, None)
        for part, size in self._parts.pop(key, {}).items():
            self._holders[part] -= 1
            if not self._holders[part]:
                del self._holders[part]
                self.bytes_held -= size
        if value is not None and self._on_gone is not None:
            self._on_gone(key, value)

    def drop(self, key: str) -> None:
        self._forget(key)
        self._loading.pop(key, None)

    def clear(self) -> None:
        for key in list(self._values):
            self._forget(key)
        self._loading.clear()
