"""Gathers requests that wait for the same partition into one append, without a linger timer.

While a batch is on its way the next one fills; when it is acknowledged the next one leaves. So a
lone request waits for nobody, and under load a batch holds all that came in one round trip.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from exchange.log.errors import BrokerUnavailable
from kernel.database import is_passing
from kernel.errors import Unavailable

log = logging.getLogger(__name__)

BATCH_BYTES = 1024 * 1024

Part = TypeVar("Part")
Offset = TypeVar("Offset")
Append = Callable[[Sequence[Part]], Awaitable[Sequence[Offset]]]


class Batcher(Generic[Part, Offset]):
    """One batch under way at a time; a part is never split, and order is that of arrival."""

    def __init__(self, append: Append[Part, Offset]) -> None:
        self._append = append
        self._waiting: deque[tuple[Part, int, asyncio.Future[Offset]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def put(self, part: Part, size_bytes: int) -> Offset:
        """Return where the part was stored; a caller that leaves does not stop the append."""
        future: asyncio.Future[Offset] = asyncio.get_running_loop().create_future()
        self._waiting.append((part, size_bytes, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await future

    @property
    def idle(self) -> bool:
        return self._task is None

    async def _drain(self) -> None:
        try:
            while self._waiting:
                parts, futures = self._take()
                await _settle(self._append(parts), futures)
        finally:
            self._task = None
            self._refuse_waiting()

    def _take(self) -> tuple[list[Part], list[asyncio.Future[Offset]]]:
        parts: list[Part] = []
        futures: list[asyncio.Future[Offset]] = []
        size = 0
        while self._waiting and (not parts or size + self._waiting[0][1] <= BATCH_BYTES):
            part, part_size, future = self._waiting.popleft()
            parts.append(part)
            futures.append(future)
            size += part_size
        return parts, futures

    def _refuse_waiting(self) -> None:
        """What was never sent can be tried again without harm."""
        while self._waiting:
            *_part, future = self._waiting.popleft()
            fail(future, BrokerUnavailable())


async def _settle(
    append: Awaitable[Sequence[Offset]], futures: Sequence[asyncio.Future[Offset]]
) -> None:
    try:
        offsets = await append
    except Exception as error:
        if not (isinstance(error, Unavailable) or is_passing(error)):
            log.exception("a batch failed")
        # Only the append itself may say BrokerUnavailable: that nothing was written.
        refusal = type(error) if isinstance(error, Unavailable) else Unavailable
        for future in futures:
            fail(future, refusal())
        return
    for future, offset in zip(futures, offsets, strict=True):
        if not future.done():
            future.set_result(offset)


def fail(future: asyncio.Future[Offset], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # its waiter may have left; then nobody else asks for it
