"""Reading needs no consumer: any offset, from any process, whatever lies around it."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

from exchange.log import connection as connections
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, PositionExpiredError
from exchange.log.headers import COUNT, VERSION
from exchange.log.produce import Slice
from exchange.log.reader import EARLIEST, LATEST, READINGS_AT_ONCE, Edge, Reader
from exchange.log.topics import Topics
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.support.appending import AppendingLog

MIB = 1024 * 1024


def numbered(first: int, count: int, size: int = 1) -> Slice:
    numbers = range(first, first + count)
    headers = [(VERSION, str(first + 1).encode()), (COUNT, str(count).encode())]
    return Slice(
        [str(number).encode() for number in numbers],
        [str(number).encode() * size for number in numbers],
        headers,
    )


@pytest.fixture
async def log(
    connection: Connection, topic: str, writers: Writers, writer_name: str
) -> AppendingLog:
    return AppendingLog(connection, topic, 0, await writers.enter(writer_name))


async def test_it_begins_in_the_middle_of_a_batch(log: AppendingLog, reader: Reader) -> None:
    await log.append([numbered(0, 5), numbered(5, 5)])
    await log.append([numbered(10, 5)])
    for offset in (0, 4, 7, 9, 10, 14):
        fresh = Reader(reader._connection, ChunkCache(MIB))
        chunk = await fresh.read(log.topic_partition[0], 0, offset, MIB)
        assert chunk.offsets == list(range(offset, 15))
        assert chunk.keys == [str(number).encode() for number in range(offset, 15)]
        assert (chunk.start, chunk.next_offset, chunk.end) == (offset, 15, 15)
        # The batch that the offset lies within still says by which version to read it.
        newest = max(version for version in chunk.versions if version <= offset + 1)
        assert newest == offset // 5 * 5 + 1
        assert not chunk.foreign


async def test_an_empty_log_and_its_end_are_no_error(topic: str, reader: Reader) -> None:
    chunk = await reader.read(topic, 0, 0, MIB)
    assert (chunk.offsets, chunk.next_offset, chunk.end) == ([], 0, 0)


async def test_at_least_one_batch_comes_however_small_the_limit(
    log: AppendingLog, reader: Reader
) -> None:
    await log.append([numbered(0, 3, size=50_000)])
    await log.append([numbered(3, 1)])
    chunk = await reader.read(log.topic_partition[0], 0, 0, 10)
    assert chunk.offsets == [0, 1, 2]


async def test_aborted_records_and_markers_are_skipped(
    bootstrap: str, log: AppendingLog, reader: Reader
) -> None:
    await log.append([numbered(0, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"test-{new_id()}")
    await producer.start()
    for ending in ("abort", "commit", "abort"):
        await producer.begin_transaction()
        await producer.send_and_wait(log.topic_partition[0], ending.encode(), key=b"t", partition=0)
        await getattr(producer, f"{ending}_transaction")()
    await producer.stop()
    await log.append([numbered(9, 1)])
    found, offset = [], 0
    while True:
        chunk = await reader.read(log.topic_partition[0], 0, offset, MIB)
        if chunk.next_offset == offset:
            break
        found += chunk.values
        offset = chunk.next_offset
    assert found == [b"0", b"commit", b"9"]
    assert offset == chunk.end == 8


async def test_an_undecided_transaction_holds_back_what_comes_after_it(
    bootstrap: str, log: AppendingLog, connection: Connection
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"test-{new_id()}")
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(log.topic_partition[0], b"open", key=b"t", partition=0)
    await log.append([numbered(5, 1)])
    before = await Reader(connection, ChunkCache(MIB)).read(log.topic_partition[0], 0, 0, MIB)
    assert (before.values, before.end) == ([], 0)
    await producer.commit_transaction()
    await producer.stop()

    async def shown() -> list[bytes | None]:
        return (
            await Reader(connection, ChunkCache(MIB)).read(log.topic_partition[0], 0, 0, MIB)
        ).values

    deadline = time.monotonic() + 5
    while await shown() != [b"open", b"5"]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_what_the_log_no_longer_keeps_is_told_with_its_earliest_place(
    bootstrap: str, log: AppendingLog, connection: Connection
) -> None:
    await log.append([numbered(0, 10)])
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records(
        {TopicPartition(log.topic_partition[0], 0): RecordsToDelete(before_offset=4)}
    )
    await admin.close()
    reader = Reader(connection, ChunkCache(MIB))
    for offset in (0, 3, 11, 2**40):
        with pytest.raises(PositionExpiredError) as expired:
            await reader.read(log.topic_partition[0], 0, offset, MIB)
        assert (expired.value.partition, expired.value.earliest) == (0, 4)
    assert (await reader.read(log.topic_partition[0], 0, 4, MIB)).offsets == list(range(4, 10))
    assert await reader.offset(log.topic_partition[0], 0, EARLIEST) == 4


async def test_places_are_found_by_time(log: AppendingLog, reader: Reader) -> None:
    await log.append([numbered(0, 2)])
    await asyncio.sleep(0.05)
    between = int(time.time() * 1000)
    await asyncio.sleep(0.05)
    await log.append([numbered(2, 2)])
    offset = reader.offset
    assert await offset(log.topic_partition[0], 0, EARLIEST) == 0
    assert await offset(log.topic_partition[0], 0, LATEST) == 4
    assert await offset(log.topic_partition[0], 0, 0) == 0
    assert await offset(log.topic_partition[0], 0, between) == 2
    assert await offset(log.topic_partition[0], 0, between + 3_600_000) == 4


async def test_equal_readings_under_way_ask_the_broker_once(
    log: AppendingLog, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.append([numbered(0, 3)])
    asked = 0
    send = connection.send

    async def counting(node: int, request: object) -> object:
        nonlocal asked
        asked += isinstance(request, FetchRequest)
        return await send(node, request)

    monkeypatch.setattr(connection, "send", counting)
    reader = Reader(connection, ChunkCache(MIB))
    chunks = await asyncio.gather(
        *(reader.read(log.topic_partition[0], 0, 0, MIB) for _ in range(50))
    )
    assert asked == 1
    assert all(chunk is chunks[0] for chunk in chunks)
    assert await reader.read(log.topic_partition[0], 0, 1, MIB) is chunks[0]
    assert asked == 1


async def test_a_crowd_reads_a_few_batches_at_a_time_and_others_have_their_turn(
    log: AppendingLog, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred pulls of one record each held a hundred batches: 1.5 GiB in two workers.

    Whoever asked last waited behind all of them, too.
    """
    for first in range(60):
        await log.append([numbered(first, 1)])
    topic, inside, peak = log.topic_partition[0], 0, 0
    asked: list[int] = []
    send = connection.send

    async def counting(node: int, request: FetchRequest) -> object:
        nonlocal inside, peak
        inside += 1
        peak = max(peak, inside)
        asked.append(request.topics[0][1][0][1])
        answer = await send(node, request)
        inside -= 1
        return answer

    # Nothing is kept: each reading asks.
    reader = Reader(connection, ChunkCache(0))
    await reader.read(topic, 0, 59, MIB)
    monkeypatch.setattr(connection, "send", counting)
    many = [asyncio.create_task(reader.read(topic, 0, at, MIB, "many")) for at in range(59)]
    await asyncio.sleep(0)
    # It is read for nobody yet, and for `many` only after all the others.
    one = asyncio.create_task(reader.read(topic, 0, 58, MIB, "one"))
    chunks = await asyncio.gather(*many, one)
    assert [chunk.offsets[0] for chunk in chunks] == [*range(59), 58]
    assert peak <= READINGS_AT_ONCE
    assert asked.index(58) <= READINGS_AT_ONCE + 1


async def test_a_reader_that_leaves_does_not_take_the_others_with_it(
    log: AppendingLog, reader: Reader
) -> None:
    await log.append([numbered(0, 3)])
    leaving, staying = (
        asyncio.create_task(reader.read(log.topic_partition[0], 0, 0, MIB)) for _ in range(2)
    )
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).offsets == [0, 1, 2]


async def test_a_topic_that_is_not_there_is_not_available(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "METADATA_WAIT_SECONDS", 0.3)
    with pytest.raises(BrokerUnavailable):
        await reader.read(f"test.{new_id()}", 0, 0, MIB)


async def test_edges_of_many_partitions_are_asked_for_in_a_request_of_each_leader(
    connection: Connection, topics: Topics, log: AppendingLog, reader: Reader
) -> None:
    """What one request does not tell, as of a leader that went, is asked for alone."""
    await log.append([numbered(0, 3)])
    (filled, _partition), empty = log.topic_partition, f"test.{new_id()}"
    await topics.ensure(empty, 3)
    partitions = [(filled, 0), *((empty, each) for each in range(3))]
    edges = [Edge(*each, at) for each in partitions for at in (EARLIEST, LATEST)]
    for edge in edges:
        await reader.offset(*edge)  # the broker of a new topic leads it a moment later
    asked: list[int] = []
    send = connection.send

    async def counting(node: int, request: object) -> object:
        asked.append(node)
        return await send(node, request)

    connection.send = counting  # type: ignore[method-assign]
    found: dict[Edge, int] = {}
    await reader.look_up(edges, found)
    assert len(asked) == 2
    expected = {edge: 3 if (edge.topic, edge.at) == (filled, LATEST) else 0 for edge in edges}
    assert found == expected
    connection._leaders[filled, 0] = 99
    found.clear()
    await reader.look_up(edges, found)
    assert found == expected
