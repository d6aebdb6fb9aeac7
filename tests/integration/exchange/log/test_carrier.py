"""What waits for many partitions leaves in few requests, in order, and one trouble stays alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.errors import RequestTimedOutError
from aiokafka.protocol.metadata import MetadataRequest

from exchange.log import connection as clients
from exchange.log import produce
from exchange.log.carrier import LARGE_BYTES, Carrier
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import Topics
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.support.appending import AppendingLog

MIB = 1024 * 1024
LARGE = b"x" * (LARGE_BYTES + 1)


def part(*values: bytes) -> Slice:
    return Slice([b"key"] * len(values), list(values), [])


class Line(Connection):
    """Counts what is sent, and loses as many answers as it is told to."""

    def __init__(self, bootstrap: str, losses: int = 0) -> None:
        super().__init__(bootstrap, "line")
        self.losses = losses
        self.requests: list[int] = []

    async def client(self) -> Any:  # noqa: ANN401 - aiokafka is untyped
        return _Counted(self, await super().client())


class _Counted:
    def __init__(self, line: Line, client: Any) -> None:  # noqa: ANN401
        self._line, self._client = line, client

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._client, name)

    async def send(self, node: int, request: Any) -> Any:  # noqa: ANN401
        answer = await self._client.send(node, request)
        if hasattr(answer, "topics") and not isinstance(request, MetadataRequest):
            self._line.requests.append(sum(len(infos) for _topic, infos in answer.topics))
            if self._line.losses:
                self._line.losses -= 1
                raise RequestTimedOutError
        return answer


@pytest.fixture
async def line(bootstrap: str) -> AsyncIterator[Line]:
    opened = Line(bootstrap)
    yield opened
    await opened.close()


@pytest.fixture
async def large_line(bootstrap: str) -> AsyncIterator[Line]:
    opened = Line(bootstrap)
    yield opened
    await opened.close()


@pytest.fixture
async def carrier(line: Line, large_line: Line, writers: Writers, writer_name: str) -> Carrier:
    return Carrier(line, large_line, await writers.enter(writer_name))


@pytest.fixture
async def wide_topic(topics: Topics) -> str:
    name = f"test.{new_id()}"
    await topics.ensure(name, 40)
    return name


async def values_of(bootstrap: str, topic: str, partition: int) -> list[bytes | None]:
    connection = Connection(bootstrap, "reader")
    reader = Reader(connection, ChunkCache(MIB))
    values: list[bytes | None] = []
    while (chunk := await reader.read(topic, partition, len(values), 8 * MIB)).values:
        values += chunk.values[len(values) - chunk.start :]
    await connection.close()
    return values


async def test_records_for_forty_partitions_leave_in_a_handful_of_requests(
    carrier: Carrier, line: Line, wide_topic: str
) -> None:
    places = [(wide_topic, partition) for partition in range(40)]
    await asyncio.gather(*(carrier.put(place, part(b"known"), 5) for place in places))
    line.requests.clear()
    offsets = await asyncio.gather(
        *(carrier.put(place, part(b"a", b"b"), 2) for place in places for _ in range(5))
    )
    assert sorted(offsets) == sorted(1 + 2 * turn for _ in places for turn in range(5))
    assert sum(line.requests) >= 40
    assert len(line.requests) <= 4


async def test_order_within_a_partition_is_that_of_arrival_in_whichever_lane(
    carrier: Carrier, line: Line, large_line: Line, bootstrap: str, topic: str
) -> None:
    sent = [b"%d" % n + (LARGE if n % 3 else b"") for n in range(60)]
    # While the leader is sought all of them would gather, and leave as one large load.
    await carrier.put((topic, 0), part(b"known"), 5)
    puts = []
    for value in sent:
        puts.append(asyncio.create_task(carrier.put((topic, 0), part(value), len(value))))
        await asyncio.sleep(0.001)
    assert await asyncio.gather(*puts) == list(range(1, 61))
    assert await values_of(bootstrap, topic, 0) == [b"known", *sent]
    assert line.requests
    assert large_line.requests


async def test_a_lost_answer_is_asked_for_again_and_stores_nothing_twice(
    carrier: Carrier, line: Line, bootstrap: str, wide_topic: str
) -> None:
    places = [(wide_topic, partition) for partition in range(3)]
    await asyncio.gather(*(carrier.put(place, part(b"before"), 6) for place in places))
    line.losses = 3
    assert (
        await asyncio.gather(*(carrier.put(each, part(b"lost"), 4) for each in places)) == [1] * 3
    )
    assert (
        await asyncio.gather(*(carrier.put(each, part(b"then"), 4) for each in places)) == [2] * 3
    )
    for _topic, partition in places:
        values = await values_of(bootstrap, wide_topic, partition)
        assert values == [b"before", b"lost", b"then"]


async def test_a_partition_that_nobody_leads_holds_up_no_other(
    carrier: Carrier, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "METADATA_WAIT_SECONDS", 0.5)
    nowhere = asyncio.create_task(carrier.put((f"test.{new_id()}", 7), part(b"x"), 1))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.4):
        assert await carrier.put((topic, 0), part(b"here"), 4) == 0
    with pytest.raises(BrokerUnavailable):
        await nowhere


async def test_a_caller_that_leaves_stops_nothing(
    carrier: Carrier, bootstrap: str, topic: str
) -> None:
    leaving = asyncio.create_task(carrier.put((topic, 0), part(b"left"), 4))
    staying = asyncio.create_task(carrier.put((topic, 0), part(b"stayed"), 6))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
    assert await values_of(bootstrap, topic, 0) == [b"left", b"stayed"]


async def test_a_lost_answer_followed_by_no_leader_is_not_told_as_nothing_stored(
    line: Line, writers: Writers, writer_name: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was, once: the key of a batch that was in the log was freed for a second copy."""
    log = AppendingLog(line, topic, 0, await writers.enter(writer_name))
    monkeypatch.setattr(produce, "GIVE_UP_SECONDS", 0.3)
    line.losses = 1
    known = line.leader
    asked = 0

    async def leader(topic: str, partition: int) -> int:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise BrokerUnavailable
        return await known(topic, partition)

    monkeypatch.setattr(line, "leader", leader)
    with pytest.raises(OutcomeUnknown):
        await log.append([part(b"stored")])
    assert log.broken
