"""One broker of three in trouble: its partitions wait or are refused, all others go on (P4, P9)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.cluster import Cluster
from exchange.log import connection, produce
from exchange.log.carrier import SMALL_UNDER_WAY, Carrier
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.integration.exchange.log.test_fence import values

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SOON_SECONDS = 20.0
CHOSEN_SECONDS = 150.0
UNKNOWN = b"unknown"


def part(value: bytes) -> Slice:
    return Slice([b"key"], [value], [])


@pytest.fixture
def bootstrap(cluster: Cluster) -> str:
    return cluster.bootstrap


@pytest.fixture
async def carrier(bootstrap: str, writers: Writers, writer_name: str) -> AsyncIterator[Carrier]:
    small, large = Connection(bootstrap, "small"), Connection(bootstrap, "large")
    yield Carrier(small, large, await writers.enter(writer_name))
    await small.close()
    await large.close()


async def topic_on(cluster: Cluster, *brokers: int, copies: int) -> str:
    """A topic of one partition on these brokers, led by the first, that wants so many copies."""
    name = f"test.{new_id()}"
    configs = {"min.insync.replicas": str(copies)}
    await asyncio.to_thread(
        cluster.create_topic, name, assignments={0: list(brokers)}, configs=configs
    )
    return name


async def test_publishes_to_other_brokers_go_on_while_one_hangs(
    cluster: Cluster, carrier: Carrier, reader: Reader
) -> None:
    """Three publishes to the hung one stopped all of the worker's for 15 s."""
    theirs = [await topic_on(cluster, 1, copies=1) for _ in range(SMALL_UNDER_WAY + 2)]
    other = await topic_on(cluster, 2, 3, copies=2)
    for topic in (*theirs, other):
        await carrier.put((topic, 0), part(b"before"), 6)
    cluster.freeze(1)
    hanging = []
    for topic in theirs:
        hanging.append(asyncio.create_task(carrier.put((topic, 0), part(b"hung"), 4)))
        # One request for each: together they would be one, and leave a way free.
        await asyncio.sleep(0.1)
    for number in range(1, 20):
        async with asyncio.timeout(SOON_SECONDS):
            assert await carrier.put((other, 0), part(b"other"), 5) == number
    assert not any(task.done() for task in hanging)
    cluster.thaw(1)
    assert await asyncio.gather(*hanging) == [1] * len(theirs)
    for topic in theirs:
        assert await values(reader, topic) == [b"before", b"hung"]


async def test_a_partition_with_too_few_copies_is_refused_alone_and_its_writer_writes_on(
    cluster: Cluster, carrier: Carrier, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each 30 s it ended the worker's life: plans, tokens and polls began anew."""
    monkeypatch.setattr(produce, "REFUSED_SECONDS", 1.0)
    short, whole = (
        await topic_on(cluster, 1, 2, copies=2),
        await topic_on(cluster, 1, 3, copies=2),
    )
    for topic in (short, whole):
        await carrier.put((topic, 0), part(b"before"), 6)
    cluster.kill(2)
    await asyncio.to_thread(cluster.await_state, short, lambda states: len(states[0].in_sync) == 1)
    await refused(carrier, short)
    assert await carrier.put((whole, 0), part(b"taken"), 5) == 1
    await asyncio.to_thread(cluster.heal)
    await asyncio.to_thread(cluster.await_state, short, lambda states: len(states[0].in_sync) == 2)
    await carrier.put((short, 0), part(b"after"), 5)
    kept = await values(reader, short)
    assert [value for value in kept if value != UNKNOWN] == [b"before", b"after"]


async def refused(carrier: Carrier, topic: str) -> None:
    """A leader that has not yet heard of the loss may keep a record: its outcome is open."""
    for value in (UNKNOWN, b"refused"):
        try:
            await carrier.put((topic, 0), part(value), len(value))
        except BrokerUnavailable:
            return
        except OutcomeUnknown:
            continue
    pytest.fail("never refused")


async def test_a_leader_that_is_killed_amid_publishes_loses_and_doubles_nothing(
    cluster: Cluster, carrier: Carrier, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Brokers of a busy machine may choose another leader later than the patience that is not tried.
    monkeypatch.setattr(produce, "REFUSED_SECONDS", CHOSEN_SECONDS)
    monkeypatch.setattr(connection, "METADATA_WAIT_SECONDS", CHOSEN_SECONDS)
    topic = await topic_on(cluster, 1, 2, 3, copies=2)
    sent = [b"%d" % number for number in range(60)]
    putting = []
    for number, value in enumerate(sent):
        putting.append(asyncio.create_task(carrier.put((topic, 0), part(value), len(value))))
        await asyncio.sleep(0.02)
        if number == 20:
            cluster.kill(1)
    assert await asyncio.gather(*putting) == list(range(60))
    assert await values(reader, topic) == sent
