"""The waiting side of the tail; what it asks of the broker is tested on a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.watch import TICK_SECONDS, WOKEN_AT_ONCE, Concern, Tail

PLACE = ("topic", 0)


def concern(subscription: str = "s", client: str = "c", token: str = "t") -> Concern:
    return Concern(subscription, client, "department", token)


@pytest.fixture
async def tail() -> AsyncIterator[Tail]:
    made = Tail(Connection("nowhere:1", "test"), ChunkCache(1000))
    task = asyncio.create_task(made.end_waits())
    yield made
    task.cancel()
    await asyncio.wait([task])


def waiting(tail: Tail, whose: Concern, seconds: float = 30.0) -> asyncio.Task[None]:
    return asyncio.create_task(tail.wait({PLACE: 5}, whose, seconds))


async def test_a_wait_ends_when_its_time_is_up_and_not_before(tail: Tail) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await tail.wait({PLACE: 5}, concern(), 0.2)
    assert 0.2 <= loop.time() - begun < 0.2 + 4 * TICK_SECONDS


async def test_it_leaves_nothing_behind(tail: Tail) -> None:
    done = [waiting(tail, concern(f"s{number}"), 0.01) for number in range(3)]
    left = waiting(tail, concern("gone"))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([*done, left])
    assert not tail._concerns
    assert not tail._by_subscription
    assert not tail._ends
    assert not tail._watches[PLACE].waiting


async def test_a_change_reaches_whom_it_concerns_and_nobody_else(tail: Tail) -> None:
    mine, theirs = (
        waiting(tail, concern("s1", "c1", "t1")),
        waiting(tail, concern("s2", "c2", "t2")),
    )
    await asyncio.sleep(0)
    wakes: tuple[tuple[Callable[[str], None], str], ...] = (
        (tail.wake_subscription, "s2"),
        (tail.wake_concerned, "c2"),
        (tail.wake_concerned, "t2"),
    )
    for wake, key in wakes:
        wake(key)
        await asyncio.wait([theirs], timeout=1)
        assert theirs.done()
        assert not mine.done()
        theirs = waiting(tail, concern("s2", "c2", "t2"))
        await asyncio.sleep(0)
    tail.wake_concerned("department")
    await asyncio.wait([mine, theirs], timeout=1)
    assert mine.done()
    assert theirs.done()


async def test_thousands_that_are_woken_let_others_have_their_turn(tail: Tail) -> None:
    """One change that concerned everybody once held the loop until the last had looked."""
    many = 100 * WOKEN_AT_ONCE
    looked = 0

    async def wait() -> None:
        nonlocal looked
        await tail.wait({PLACE: 5}, concern(), 30)
        looked += 1

    tasks = [asyncio.create_task(wait()) for _ in range(many)]
    await asyncio.sleep(0)
    tail.wake()
    most = before = 0
    while looked < many:
        await asyncio.sleep(0)
        most, before = max(most, looked - before), looked
    assert 0 < most <= 2 * WOKEN_AT_ONCE
    await asyncio.gather(*tasks)
