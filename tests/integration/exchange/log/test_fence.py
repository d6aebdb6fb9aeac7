"""A dead writer is fenced: whatever of it still arrives is refused by the broker (P4, P5)."""

import asyncio
import time

import pytest

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown, WriterOver
from exchange.log.fence import fence
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import Topics
from exchange.log.transaction import SpanningLog, spanning_id
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.support.appending import AppendingLog


def one(value: bytes) -> list[Slice]:
    return [Slice([b"key"], [value], [])]


async def values(reader: Reader, topic: str, partition: int = 0) -> list[bytes | None]:
    """Return everything that readers are shown, to the end."""
    found: list[bytes | None] = []
    offset = 0
    while True:
        chunk = await reader.read(topic, partition, offset, 1_000_000)
        if chunk.next_offset == offset:
            return found
        found += chunk.values
        offset = chunk.next_offset


async def test_a_fenced_writer_is_refused(
    connection: Connection, topic: str, writers: Writers, writer_name: str, reader: Reader
) -> None:
    dead = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    await dead.append(one(b"before"))
    await fence(writers, writer_name, topic, [0])
    with pytest.raises(WriterOver):
        await dead.append(one(b"late"))
    with pytest.raises(BrokerUnavailable):
        await dead.append(one(b"later"))
    assert await values(reader, topic) == [b"before"]


async def test_a_writer_that_never_wrote_is_fenced_just_as_well(
    connection: Connection, topic: str, writers: Writers, writer_name: str, reader: Reader
) -> None:
    """Its first batch may be on the wire when it dies."""
    dead = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    await fence(writers, writer_name, topic, [0])
    with pytest.raises(WriterOver):
        await dead.append(one(b"late"))
    assert await values(reader, topic) == []


async def test_one_fence_covers_all_partitions_and_no_other_writer(
    connection: Connection, topics: Topics, writers: Writers, writer_name: str, reader: Reader
) -> None:
    topic = f"test.{new_id()}"
    await topics.ensure(topic, 3)
    producer = await writers.enter(writer_name)
    neighbour = AppendingLog(connection, topic, 1, await writers.enter(writer_name + "-other"))
    await fence(writers, writer_name, topic, [0, 1, 2])
    for partition in range(3):
        with pytest.raises(WriterOver):
            await AppendingLog(connection, topic, partition, producer).append(one(b"late"))
    await neighbour.append(one(b"mine"))
    found = [await values(reader, topic, partition) for partition in range(3)]
    assert found == [[], [b"mine"], []]


async def test_fences_at_once_all_succeed(
    bootstrap: str,
    connection: Connection,
    topic: str,
    writers: Writers,
    writer_name: str,
    reader: Reader,
) -> None:
    """Several workers settle the same dead writer; each may rely on its own fence."""
    dead = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    await dead.append(one(b"before"))
    others = [Connection(bootstrap, f"settler-{number}") for number in range(4)]
    await asyncio.gather(*(fence(Writers(other), writer_name, topic, [0]) for other in others))
    with pytest.raises(WriterOver):
        await dead.append(one(b"late"))
    assert await values(reader, topic) == [b"before"]
    for other in others:
        await other.close()


async def test_a_late_write_races_its_fence_and_is_seen_by_every_later_reader_or_by_none(
    connection: Connection, bootstrap: str, topic: str, writers: Writers, reader: Reader
) -> None:
    """What the settler does not find after its fence must never appear."""
    other = Connection(bootstrap, "settler")
    for number in range(10):
        name = f"test-writer-{new_id()}"
        dead = AppendingLog(connection, topic, 0, await writers.enter(name))
        value = f"racing-{number}".encode()
        appended, _ = await asyncio.gather(
            dead.append(one(value)), fence(Writers(other), name, topic, [0]), return_exceptions=True
        )
        found = value in await values(reader, topic)
        await asyncio.sleep(0.05)
        assert (value in await values(reader, topic)) == found
        if not isinstance(appended, BaseException):
            assert found
    await other.close()


async def test_a_new_life_of_the_same_name_writes_on(
    connection: Connection, topic: str, writers: Writers, writer_name: str, reader: Reader
) -> None:
    first = await writers.enter(writer_name)
    await AppendingLog(connection, topic, 0, first).append(one(b"first"))
    await fence(writers, writer_name, topic, [0])
    second = await writers.enter(writer_name)
    assert (second.id, second.epoch) != (first.id, first.epoch)
    await AppendingLog(connection, topic, 0, second).append(one(b"second"))
    assert await values(reader, topic) == [b"first", b"second"]


async def test_a_spanning_writer_never_enters_behind_its_fence(
    bootstrap: str, topic: str, writers: Writers, reader: Reader
) -> None:
    """It used to enter with its first batch, or anew after a failure, when its life was over.

    The settler had fenced it, found nothing, and appended the batch itself: there were two.
    """
    life = time.time_ns() % 2**31
    parts = [((topic, 0), Slice([b"key"], [b"late"], []))]
    never_entered = SpanningLog(bootstrap, life)
    await fence(writers, spanning_id(life), topic, [0])
    with pytest.raises(BrokerUnavailable):
        await never_entered.append(parts)
    entered = SpanningLog(bootstrap, life + 1)
    await entered.enter()
    assert await entered.append([((topic, 0), Slice([b"key"], [b"before"], []))])
    await fence(writers, spanning_id(life + 1), topic, [0])
    with pytest.raises(OutcomeUnknown):
        await entered.append(parts)
    with pytest.raises(BrokerUnavailable):
        await entered.enter()
    with pytest.raises(BrokerUnavailable):
        await entered.append(parts)
    assert await values(reader, topic) == [b"before"]
