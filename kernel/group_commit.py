"""Group commit: what is asked for while one commit is under way goes into the next one.

The one queue of the project that gathers for waiting callers. There is no linger timer: a lone
item waits for nobody, and under load a commit takes all that came in one round trip. What looks
alike and is another thing says so where it stands: `kernel/write_behind.py` (nobody waits),
`exchange/log/carrier.py` (many queues share one request), `exchange/metering/rates/gate.py` (a
timer, and sums instead of items), `exchange/log/reader.py` (equal readings are one).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from kernel.errors import Unavailable

WAITING_MAX = 20_000

Item = TypeVar("Item")
Result = TypeVar("Result")


class Waiting(NamedTuple, Generic[Item, Result]):
    """An item, its bytes, and what its caller waits on."""

    item: Item
    size_bytes: int
    result: "asyncio.Future[Result]"


class GroupCommit(Generic[Item, Result]):
    """At most one commit at a time, in the order of arrival; an item is never split.

    A commit holds at most `most` items and, but for a single larger one, `most_bytes`. It begins
    after each of its items was asked for. An item whose waiter left before is not committed unless
    `keeps_left`; the result of one whose waiter left meanwhile goes to `unclaimed`.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        most: int,
        most_bytes: int = 0,
        waiting_max: int = WAITING_MAX,
        keeps_left: bool = False,
        unclaimed: Callable[[Item, Result], None] | None = None,
    ) -> None:
        self._commit = commit
        self._most = most
        self._most_bytes = most_bytes
        self._waiting_max = waiting_max
        self._keeps_left = keeps_left
        self._unclaimed = unclaimed
        self._waiting: deque[Waiting[Item, Result]] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return self._task is None

    async def submit(self, item: Item, size_bytes: int = 0) -> Result:
        """Return the item's own result; raises what the commit raises, Unavailable when full."""
        if len(self._waiting) >= self._waiting_max:
            raise Unavailable
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(item, size_bytes, result))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        try:
            return await result
        except asyncio.CancelledError:
            if result.done() and not result.cancelled() and result.exception() is None:
                self._leave_unclaimed(item, result.result())
            raise

    async def close(self) -> None:
        """Wait until all that was asked for is committed."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._settle(self._take())
        finally:
            self._task = None
            for each in self._waiting:
                each.result.cancel()
            self._waiting.clear()

    def _take(self) -> list[Waiting[Item, Result]]:
        group: list[Waiting[Item, Result]] = []
        size_bytes = 0
        while self._waiting and len(group) < self._most:
            size_bytes += self._waiting[0].size_bytes
            if group and size_bytes > self._most_bytes > 0:
                break
            group.append(self._waiting.popleft())
        return [each for each in group if self._keeps_left or not each.result.done()]

    async def _settle(self, group: Sequence[Waiting[Item, Result]]) -> None:
        if not group:
            return
        try:
            results = await self._commit([each.item for each in group])
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            for each in group:
                if not each.result.done():
                    each.result.set_exception(error)
                    each.result.exception()  # its waiter may have left; nobody else asks for it
        else:
            for each, result in zip(group, results, strict=True):
                if each.result.done():
                    self._leave_unclaimed(each.item, result)
                else:
                    each.result.set_result(result)
        finally:
            for each in group:
                each.result.cancel()

    def _leave_unclaimed(self, item: Item, result: Result) -> None:
        if self._unclaimed is not None:
            self._unclaimed(item, result)
