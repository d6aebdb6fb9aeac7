"""Many at once, but not too many: people and systems act side by side."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 8


class Crowd:
    """A context in which so many act at once; the first failure ends the step."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="region")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, things: Iterable[T], act: Callable[[T], R]) -> list[R]:
        """Return what came of each thing, in order; raises the first failure."""
        return asyncio.run(self._each([*things], act))

    async def _each(self, things: list[T], act: Callable[[T], R]) -> list[R]:
        loop = asyncio.get_running_loop()
        waiting = [loop.run_in_executor(self._pool, act, thing) for thing in things]
        try:
            return [*await asyncio.gather(*waiting)]
        finally:
            for each in waiting:
                each.cancel()
