"""Group commit: what is asked for while one statement is under way goes into the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from kernel.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """At most one commit at a time, of at most `most` items, in the order of their arrival.

    A commit begins after each of its items was asked for. An item whose waiter left before is not
    committed; the result of one whose waiter left meanwhile goes to `unclaimed`.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        most: int,
        waiting_max: int,
        unclaimed: Callable[[Item, Result], None] | None = None,
    ) -> None:
        self._commit = commit
        self._most = most
        self._waiting_max = waiting_max
        self._unclaimed = unclaimed
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Return the item's own result; raises what the commit raises, Unavailable when full."""
        if len(self._waiting) >= self._waiting_max:
            raise Unavailable
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._leave_unclaimed(item, future.result())
            raise

    async def close(self) -> None:
        """Wait until all that was asked for is committed."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                count = min(self._most, len(self._waiting))
                taken = [self._waiting.popleft() for _ in range(count)]
                await self._settle([each for each in taken if not each[1].done()])
        finally:
            self._task = None
            for _item, future in self._waiting:
                future.cancel()
            self._waiting.clear()

    async def _settle(self, taken: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        if not taken:
            return
        try:
            results = await self._commit([item for item, _future in taken])
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            for _item, future in taken:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # its waiter may have left; then nobody else asks for it
        else:
            for (item, future), result in zip(taken, results, strict=True):
                if future.done():
                    self._leave_unclaimed(item, result)
                else:
                    future.set_result(result)
        finally:
            for _item, future in taken:
                future.cancel()

    def _leave_unclaimed(self, item: Item, result: Result) -> None:
        if self._unclaimed is not None:
            self._unclaimed(item, result)
