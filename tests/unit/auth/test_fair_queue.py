"""Whose turn it is: known people first, then one stranger of each source."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from auth.fair_queue import FairQueue
from kernel.errors import Unavailable


class _Order:
    """Workers that write down who had a turn, while the first one holds the only place."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.had: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, name: str, source: str | None) -> asyncio.Task[None]:
        task = asyncio.create_task(self._work(name, source))
        self.tasks.append(task)
        await asyncio.sleep(0)
        return task

    async def _work(self, name: str, source: str | None) -> None:
        async with self.queue.turn(source):
            self.had.append(name)


@asynccontextmanager
async def _busy(queue: FairQueue) -> AsyncIterator[_Order]:
    order = _Order(queue)
    async with queue.turn(None):
        yield order
    await asyncio.gather(*order.tasks, return_exceptions=True)


def _queue() -> FairQueue:
    return FairQueue(1, known_max=3, strangers_max=6, each_max=4)


async def test_known_people_never_wait_behind_strangers() -> None:
    async with _busy(_queue()) as order:
        for number in range(4):
            await order.come(f"stranger {number}", "a")
        await order.come("staff", None)
    assert order.had[0] == "staff"
    assert len(order.had) == 5


async def test_a_source_with_many_does_not_go_before_one_with_a_single_try() -> None:
    async with _busy(_queue()) as order:
        for number in range(4):
            await order.come(f"a{number}", "a")
        await order.come("b0", "b")
    assert order.had == ["a0", "b0", "a1", "a2", "a3"]


async def test_every_kind_of_waiter_is_bounded_for_itself() -> None:
    async with _busy(_queue()) as order:
        for source, many in (("a", 4), ("b", 2)):
            for number in range(many):
                await order.come(f"{source}{number}", source)
        for source in ("a", "b", "c"):
            with pytest.raises(Unavailable):
                await (await order.come("one more", source))
        for _ in range(3):
            await order.come("staff", None)
        with pytest.raises(Unavailable):
            await (await order.come("one more", None))
    assert len(order.had) == 9


async def test_who_leaves_while_waiting_leaves_no_trace() -> None:
    queue = _queue()
    async with _busy(queue) as order:
        leaving = await order.come("leaving", "a")
        await order.come("staying", "b")
        leaving.cancel()
        await asyncio.sleep(0)
    assert order.had == ["staying"]
    assert not queue._strangers
    async with queue.turn("a"):
        pass


async def test_a_turn_given_to_somebody_who_leaves_goes_on() -> None:
    queue = _queue()
    order = _Order(queue)
    async with queue.turn(None):
        leaving = await order.come("leaving", "a")
        await order.come("staying", "b")
    # The turn was handed over, and its owner was cancelled before it woke up.
    leaving.cancel()
    await asyncio.gather(*order.tasks, return_exceptions=True)
    assert order.had[-1] == "staying"
    async with asyncio.timeout(5), queue.turn("c"):
        pass
