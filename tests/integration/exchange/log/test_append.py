"""What is appended is in the log once, and anybody's Kafka client can read it."""

import asyncio
import os
import subprocess
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    KafkaError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    UnknownError,
)

from deploy.local.artifacts import class_path
from deploy.local.java import find_java
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.headers import BatchFacts, Headers
from exchange.log.packing.packer import PACK
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import Topics
from exchange.log.transaction import SpanningLog
from exchange.log.writer import Writers
from kernel.ids import new_id
from tests.support.appending import AppendingLog

FACTS = BatchFacts(
    version=3,
    count=2,
    digest=b"\x01" * 32,
    client_id="c1",
    correlation_id="r1",
    intent=b"\x02" * 16,
)
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"


def part(*records: tuple[str, bytes | None], headers: Headers | None = None) -> Slice:
    return Slice(
        [key.encode() for key, _ in records], [value for _, value in records], headers or []
    )


async def read_by_others(bootstrap: str, topic: str, count: int) -> list[Any]:
    """Return records as an independent client sees them, and make sure there are no more."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        found: list[Any] = []
        deadline = time.monotonic() + 10
        while len(found) < count and time.monotonic() < deadline:
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += batch
        for batch in (await consumer.getmany(timeout_ms=300)).values():
            found += batch
        return found
    finally:
        await consumer.stop()


class Deaf(Connection):
    """Delivers requests, and loses the first answers to them."""

    def __init__(self, bootstrap: str, losses: list[type[KafkaError]]) -> None:
        super().__init__(bootstrap, "deaf")
        self._losses = losses
        self.asked = 0

    async def ask_leader(self, topic: str, partition: int, request: Any) -> Any:  # noqa: ANN401
        answer = await super().ask_leader(topic, partition, request)
        self.asked += 1
        if self._losses:
            raise self._losses.pop(0)
        return answer


async def test_another_client_reads_keys_values_headers_and_deletes(
    bootstrap: str, topic: str, connection: Connection, writers: Writers, writer_name: str
) -> None:
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    large = b'{"id":"3","name":"' + b"x" * 900_000 + b'"}'
    before = int(time.time() * 1000)
    first = await log.append(
        [
            part(("1", '{"id":"1","name":"数源"}'.encode()), ("2", None), headers=FACTS.headers()),
            part(("3", large), ("键~", b"{}"), ("", b"")),
        ]
    )
    second = await log.append([part(("1", None))])
    assert (first, second) == (0, 5)
    records = await read_by_others(bootstrap, topic, 6)
    assert [record.offset for record in records] == list(range(6))
    assert [record.key for record in records] == [b"1", b"2", b"3", "键~".encode(), b"", b"1"]
    assert [record.value for record in records] == [
        '{"id":"1","name":"数源"}'.encode(), None, large, b"{}", b"", None,
    ]  # fmt: skip
    assert list(records[0].headers) == FACTS.headers()
    assert all(not record.headers for record in records[1:])
    assert all(before <= record.timestamp <= time.time() * 1000 for record in records)


async def test_what_is_compressed_is_read_by_others_and_no_more_at_once_than_is_wanted(
    bootstrap: str,
    topic: str,
    connection: Connection,
    writers: Writers,
    writer_name: str,
    reader: Reader,
) -> None:
    PACK.load()
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    values = [b'{"id":"%d","name":"name of %d"}' % (n, n) for n in range(6_000)]
    for begin in range(0, len(values), 1_000):
        some = values[begin : begin + 1_000]
        await log.append([Slice([b"k"] * len(some), some, FACTS.headers())])
    records = await read_by_others(bootstrap, topic, len(values))
    assert [record.value for record in records] == values
    wanted, seen = sum(map(len, values)) // 3, list[bytes | None]()
    while len(seen) < len(values):
        chunk = await reader.read(topic, 0, len(seen), wanted)
        assert chunk.stored_bytes < chunk.expanded_bytes / 2
        assert chunk.expanded_bytes < 2 * wanted
        seen += chunk.values
    assert seen == values


@pytest.mark.slow
async def test_kafkas_own_console_consumer_reads_it(
    bootstrap: str, topic: str, connection: Connection, writers: Writers, writer_name: str
) -> None:
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    await log.append([part(("1", b'{"id":"1"}'), ("2", None), headers=FACTS.headers())])
    shown = ("key", "headers", "offset")
    properties = [f"--formatter-property=print.{name}=true" for name in shown]
    command = [
        str(find_java()), "-Xmx128m", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-cp", await asyncio.to_thread(class_path, "tools", lambda _line: None), CONSOLE,
        "--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning",
        "--max-messages", "2", "--timeout-ms", "20000", *properties,
    ]  # fmt: skip
    ran = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, timeout=240, check=False, env=dict(os.environ)
    )
    assert ran.returncode == 0, ran.stderr.decode()
    first, second = ran.stdout.decode().splitlines()
    headers = ",".join(f"{name}:{value.decode()}" for name, value in FACTS.headers())
    assert first.split("\t") == ["Offset:0", headers, "1", '{"id":"1"}']
    assert second.split("\t") == ["Offset:1", "NO_HEADERS", "2", "null"]


@pytest.mark.parametrize("losses", [1, 3])
@pytest.mark.parametrize("error", [RequestTimedOutError, NotLeaderForPartitionError])
async def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(
    bootstrap: str,
    topic: str,
    writers: Writers,
    writer_name: str,
    losses: int,
    error: type[KafkaError],
) -> None:
    deaf = Deaf(bootstrap, [error] * losses)
    log = AppendingLog(deaf, topic, 0, await writers.enter(writer_name))
    assert await log.append([part(("1", b"a"), ("2", b"b"))]) == 0
    assert deaf.asked == losses + 1
    assert await log.append([part(("3", b"c"))]) == 2
    await deaf.close()
    records = await read_by_others(bootstrap, topic, 3)
    assert [record.value for record in records] == [b"a", b"b", b"c"]


async def test_an_answer_that_stays_lost_leaves_the_outcome_open_and_the_writer_unusable(
    bootstrap: str, topic: str, writers: Writers, writer_name: str, reader: Reader
) -> None:
    deaf = Deaf(bootstrap, [UnknownError])
    log = AppendingLog(deaf, topic, 0, await writers.enter(writer_name))
    with pytest.raises(OutcomeUnknown):
        await log.append([part(("1", b"a"))])
    assert log.broken
    with pytest.raises(BrokerUnavailable):
        await log.append([part(("2", b"b"))])
    await deaf.close()
    chunk = await reader.read(topic, 0, 0, 1000)
    assert chunk.values == [b"a"]


async def test_records_have_the_times_at_which_the_log_took_them(
    bootstrap: str,
    topic: str,
    connection: Connection,
    writers: Writers,
    writer_name: str,
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gateways' clocks stood two seconds apart: readers by windows of time missed five records."""
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    before = int(time.time() * 1000)
    monkeypatch.setattr(
        "exchange.log.produce.time.time_ns", lambda: (before - 3_600_000) * 1_000_000
    )
    await log.append([part(("1", b"a"))])
    assert await reader.offset(topic, 0, before - 1000) == 0
    [record] = await read_by_others(bootstrap, topic, 1)
    assert record.timestamp >= before


async def test_sequences_go_on_over_their_limit(
    bootstrap: str, topic: str, connection: Connection, writers: Writers, writer_name: str
) -> None:
    """After 2^31 records of one writer the count begins again at 0, as the protocol has it."""
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    log._sequence = 2**31 - 3
    await log.append([part(("1", b"a"), ("2", b"b"))])
    await log.append([part(("3", b"c"))])
    assert log._sequence == 0
    await log.append([part(("4", b"d"))])
    assert len(await read_by_others(bootstrap, topic, 4)) == 4


async def test_many_spanning_requests_share_a_batch_of_each_partition(
    bootstrap: str, topics: Topics, writers: Writers, reader: Reader
) -> None:
    """Each part was a batch of its own, and waited for the one before: 2,000 took over 30 s."""
    topic = f"test.{new_id()}"
    await topics.ensure(topic, 3)
    spanning = SpanningLog(bootstrap, time.time_ns() % 2**31)
    await spanning.enter()
    large = b"x" * 300_000
    parts = [
        ((topic, number % 3), part((str(number), large if number < 30 else b"y")))
        for number in range(600)
    ]
    offsets = await spanning.append(parts)
    await spanning.close()
    records = await read_by_others(bootstrap, topic, 600)
    found = {(record.partition, record.offset): record.key for record in records}
    assert [found[number % 3, offsets[number]] for number in range(600)] == [
        str(number).encode() for number in range(600)
    ]


async def test_a_spanning_batch_is_seen_whole_or_not_at_all(
    bootstrap: str, topic: str, writers: Writers, reader: Reader
) -> None:
    spanning = SpanningLog(bootstrap, time.time_ns() % 2**31)
    await spanning.enter()
    offsets = await spanning.append([((topic, 0), part(("1", b"a"), headers=FACTS.headers()))])
    assert offsets == [0]
    again = await spanning.append(
        [((topic, 0), part(("2", b"b"), ("2", b"c"))), ((topic, 0), part(("3", None)))]
    )
    assert again == [2, 4]
    await spanning.close()
    records = await read_by_others(bootstrap, topic, 4)
    assert [record.value for record in records] == [b"a", b"b", b"c", None]
    assert list(records[0].headers) == FACTS.headers()
