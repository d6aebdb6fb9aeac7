"""What one broker of three does concerns its own partitions alone (P9, P12)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from deploy.local.cluster import Cluster
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import READ_TIMEOUT_MS, Connection
from exchange.log.headers import BatchFacts
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.watch import Concern, Tail
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.support.appending import AppendingLog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MIB = 1024 * 1024
CONCERN = Concern("s", "c", "d", "t")
FACTS = BatchFacts(1, 1, bytes(32), "client", "correlation").headers()


@dataclass(frozen=True)
class Side:
    """A gateway worker's reading and writing ends on the three brokers."""

    writing: Connection
    reading: Connection
    reader: Reader
    tail: Tail

    async def log(self, topic: str, partition: int = 0) -> AppendingLog:
        producer = await Writers(self.writing).enter(f"test-writer-{new_id()}")
        return AppendingLog(self.writing, topic, partition, producer)

    def wait(self, topic: str, offset: int, seconds: float) -> "asyncio.Task[float]":
        """Wait for a record; the task says how long that took."""

        async def wait() -> float:
            began = asyncio.get_running_loop().time()
            await self.tail.wait({(topic, 0): offset}, CONCERN, seconds)
            return asyncio.get_running_loop().time() - began

        return asyncio.create_task(wait())


@pytest.fixture
async def side(cluster: Cluster) -> AsyncIterator[Side]:
    opened = {
        purpose: Connection(cluster.bootstrap, purpose, request_timeout_ms=READ_TIMEOUT_MS)
        for purpose in ("write", "read", "watch")
    }
    cache = ChunkCache(MIB)
    tail = Tail(opened["watch"], cache)
    loops = [asyncio.create_task(tail.run()), asyncio.create_task(tail.end_waits())]
    yield Side(opened["write"], opened["read"], Reader(opened["read"], cache), tail)
    for loop in loops:
        assert not loop.done()
        loop.cancel()
    await asyncio.wait(loops)
    for each in opened.values():
        await each.close()


def record(value: bytes) -> list[Slice]:
    return [Slice([b"key"], [value], FACTS)]


async def made(cluster: Cluster, leader: int, *others: int, insync: int = 1) -> str:
    """Return a new topic of one partition that is led by a broker."""
    topic = f"test.{new_id()}"
    configs = {"min.insync.replicas": str(insync)}
    await asyncio.to_thread(
        cluster.create_topic, topic, assignments={0: [leader, *others]}, configs=configs
    )
    return topic


async def until_led(cluster: Cluster, topic: str, wanted: Callable[[int], bool]) -> None:
    await asyncio.to_thread(cluster.await_state, topic, lambda states: wanted(states[0].leader))


async def test_a_frozen_broker_keeps_only_the_news_of_what_it_leads(
    cluster: Cluster, side: Side
) -> None:
    """One hung broker of several once stopped all polls of a worker for 15 s."""
    healthy, hung = await made(cluster, 1, 2), await made(cluster, 3, 1)
    logs = {topic: await side.log(topic) for topic in (healthy, hung)}
    for topic, log in logs.items():
        await log.append(record(b"before"))
        await side.wait(topic, 0, 120)
    waiting = {topic: side.wait(topic, 1, 60) for topic in logs}
    await asyncio.sleep(0.5)
    cluster.freeze(3)
    await logs[healthy].append(record(b"during"))
    assert await waiting[healthy] < 50
    await side.reader.read(healthy, 0, 0, MIB)
    assert not waiting[hung].done()
    # The others take over what it led, and its waiters hear of what is written there.
    await until_led(cluster, hung, lambda leader: leader == 1)
    await logs[hung].append(record(b"after"))
    await asyncio.wait_for(waiting[hung], 120)
    assert (await side.reader.read(hung, 0, 1, MIB)).values == [b"after"]


async def test_a_partition_without_leader_is_left_out_of_the_rounds(
    cluster: Cluster, side: Side
) -> None:
    """It failed every round: a healthy poll was answered after 30 s, at its time."""
    healthy, lost = await made(cluster, 1, 2), await made(cluster, 3)
    healthy_log, lost_log = await side.log(healthy), await side.log(lost)
    await lost_log.append(record(b"before"))
    cluster.kill(3)
    await until_led(cluster, lost, lambda leader: leader == -1)
    orphan, brief = side.wait(lost, 1, 120), side.wait(lost, 1, 0.5)
    first = side.wait(healthy, 0, 60)
    await asyncio.sleep(0.5)
    await healthy_log.append(record(b"1"))
    assert await first < 50
    assert await brief < 45
    second = side.wait(healthy, 1, 60)
    await asyncio.sleep(0.5)
    await healthy_log.append(record(b"2"))
    assert await second < 50
    assert not orphan.done()
    await asyncio.to_thread(cluster.restart, 3)
    await lost_log.append(record(b"after"))
    await asyncio.wait_for(orphan, 120)


async def test_a_hung_broker_does_not_make_the_platform_unready(
    cluster: Cluster, side: Side
) -> None:
    """Brokers were asked one after another: one of three frozen, and all workers were unready."""
    assert await side.reading.alive()
    topic = await made(cluster, 1)
    cluster.freeze(2)
    fresh = Connection(cluster.bootstrap, "fresh")
    try:
        for connection in (side.reading, fresh):
            async with asyncio.timeout(25):
                assert await connection.alive()
        async with asyncio.timeout(25):
            assert await fresh.leader(topic, 0) == 1
    finally:
        await fresh.close()


async def test_below_the_copies_that_must_acknowledge_what_is_stored_can_still_be_read(
    cluster: Cluster, side: Side
) -> None:
    topic = await made(cluster, 1, 2, insync=2)
    log = await side.log(topic)
    await log.append(record(b"stored"))
    cluster.kill(2)
    await asyncio.to_thread(cluster.await_state, topic, lambda states: states[0].in_sync == (1,))
    assert (await side.reader.read(topic, 0, 0, MIB)).values == [b"stored"]
    assert await side.wait(topic, 1, 0.5) < 45
    waiting = side.wait(topic, 1, 120)
    await asyncio.to_thread(cluster.restart, 2)
    # Back, it first catches up: until then the leader refuses, longer than a publish insists.
    await asyncio.to_thread(
        cluster.await_state, topic, lambda states: set(states[0].in_sync) == {1, 2}
    )
    await log.append(record(b"after"))
    await asyncio.wait_for(waiting, 120)
    assert (await side.reader.read(topic, 0, 1, MIB)).values == [b"after"]


async def test_a_position_that_a_stale_leader_lacks_is_looked_for_again(
    cluster: Cluster, side: Side
) -> None:
    """A leader that was replaced said "out of range", and the client heard of a loss: 410."""
    topic = await made(cluster, 3, 1, 2)
    log = await side.log(topic)
    await log.append(record(b"before"))
    await side.reader.read(topic, 0, 0, MIB)
    cluster.freeze(3)
    await until_led(cluster, topic, lambda leader: leader != 3)
    for number in range(5):
        await log.append(record(b"%d" % number))
    # A worker that has not heard of the change asks the old leader, which wakes just now.
    side.reading._leaders[topic, 0] = 3
    cluster.thaw(3)
    assert (await side.reader.read(topic, 0, 5, MIB)).values == [b"4"]
