"""News of the log, on a real broker that remembers what is watched."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.produce import Slice
from exchange.log.topics import Topics
from exchange.log.watch import LINGER_SECONDS, Concern, Tail
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.support.appending import AppendingLog

CONCERN = Concern("subscription", "client", "department", "token")
Append = Callable[[str], Awaitable[int]]


@pytest.fixture
async def tail(bootstrap: str) -> AsyncIterator[Tail]:
    connection = Connection(bootstrap, "test-tail")
    made = Tail(connection, ChunkCache(1024 * 1024))
    tasks = [asyncio.create_task(made.run()), asyncio.create_task(made.end_waits())]
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await connection.close()


@pytest.fixture
async def append(connection: Connection, writers: Writers, writer_name: str) -> Append:
    producer = await writers.enter(writer_name)
    logs: dict[str, AppendingLog] = {}

    async def append(topic: str) -> int:
        if topic not in logs:
            logs[topic] = AppendingLog(connection, topic, 0, producer)
        return await logs[topic].append([Slice([b"k"], [b"v"], [])])

    return append


async def heard(tail: Tail, topic: str, offset: int, seconds: float = 5.0) -> float:
    """Wait for news at an offset and return how long that took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await tail.wait({(topic, 0): offset}, CONCERN, seconds)
    return loop.time() - begun


async def test_whoever_waits_hears_of_every_record(tail: Tail, topic: str, append: Append) -> None:
    for offset in range(5):
        waits = [asyncio.create_task(heard(tail, topic, offset)) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert await append(topic) == offset
        assert max(await asyncio.gather(*waits)) < 3
        assert tail._cache.find((topic, 0), offset) is not None


async def test_only_what_changed_is_asked_for_again(
    tail: Tail, topics: Topics, append: Append
) -> None:
    names = [f"test.{new_id()}" for _ in range(12)]
    for name in names:
        await topics.ensure(name, 1)
    waits = [asyncio.create_task(heard(tail, name, 0, 90)) for name in names]
    await asyncio.sleep(1.0)
    [node] = tail._nodes.values()
    assert node.session._id != 0
    assert node.session._epoch > 2
    assert not node.session.request(node.session._watched, 50).topics
    for name, wait in zip(names, waits, strict=True):
        await append(name)
        assert await asyncio.wait_for(wait, 90) < 80


async def test_a_partition_that_nobody_waits_for_any_more_is_forgotten(
    tail: Tail, topic: str
) -> None:
    await heard(tail, topic, 0, 0.1)
    assert (topic, 0) in tail._watches
    await asyncio.sleep(LINGER_SECONDS + 1)
    assert not tail._watches


async def test_a_wait_behind_the_end_is_answered_at_once_after_one_at_the_end(
    tail: Tail, topic: str, append: Append
) -> None:
    for _ in range(3):
        await append(topic)
    at_the_end = asyncio.create_task(heard(tail, topic, 3, 90))
    await asyncio.sleep(0.3)
    assert await heard(tail, topic, 1) < 3
    assert not at_the_end.done()
    await append(topic)
    assert await asyncio.wait_for(at_the_end, 90) < 80
