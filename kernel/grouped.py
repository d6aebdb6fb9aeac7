"""Loads of single keys gathered into one: while one load is under way, the next one fills."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Grouped(Generic[Value]):
    """At most one load at a time, of at most `most` keys; a load begins after it was asked for."""

    def __init__(
        self, load: Callable[[Sequence[str]], Awaitable[Mapping[str, Value]]], *, most: int
    ) -> None:
        self._load = load
        self._most = most
        self._waiting: deque[tuple[str, asyncio.Future[Value | None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: str) -> Value | None:
        """Return the value, None where the load found none; raises what the load raises."""
        future: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                count = min(self._most, len(self._waiting))
                await self._settle([self._waiting.popleft() for _ in range(count)])
        finally:
            self._task = None
            for _key, future in self._waiting:
                future.cancel()
            self._waiting.clear()

    async def _settle(self, taken: Sequence[tuple[str, asyncio.Future[Value | None]]]) -> None:
        try:
            found = await self._load(list(dict.fromkeys(key for key, _future in taken)))
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            for _key, future in taken:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # its waiter may have left; then nobody else asks for it
        else:
            for key, future in taken:
                if not future.done():
                    future.set_result(found.get(key))
        finally:
            for _key, future in taken:
                future.cancel()
