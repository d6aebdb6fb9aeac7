"""What the broker certainly did not store is refused so, and its writer writes on (P4, P9)."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from exchange.log.carrier import Carrier
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, WriterOver
from exchange.log.fence import fence
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.writer import Writers
from kernel.errors import BatchTooLarge
from kernel.ids import new_id
from tests.integration.exchange.log.test_carrier import values_of
from tests.integration.exchange.log.test_fence import values


def part(*values: bytes) -> Slice:
    return Slice([b"key"] * len(values), list(values), [])


async def topic_with(bootstrap: str, **configs: str) -> str:
    """A topic that somebody else made, with settings of their own."""
    name = f"test.{new_id()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        named = {key.replace("_", "."): value for key, value in configs.items()}
        await admin.create_topics([NewTopic(name, 1, 1, topic_configs=named)])
    finally:
        await admin.close()
    return name


@pytest.fixture
async def carrier(connection: Connection, writers: Writers, writer_name: str) -> Carrier:
    return Carrier(connection, connection, await writers.enter(writer_name))


async def test_a_batch_that_the_broker_finds_too_large_is_refused_and_the_next_is_stored(
    bootstrap: str, carrier: Carrier
) -> None:
    small = await topic_with(bootstrap, max_message_bytes="2000")
    with pytest.raises(BatchTooLarge):
        await carrier.put((small, 0), part(b"x" * 3000), 3000)
    assert await carrier.put((small, 0), part(b"y"), 1) == 0


async def test_requests_that_are_too_large_together_are_stored_one_by_one(
    bootstrap: str, carrier: Carrier
) -> None:
    """Only the one that is too large by itself is refused."""
    small = await topic_with(bootstrap, max_message_bytes="2000")
    await carrier.put((small, 0), part(b"first"), 5)
    sent = [b"a" * 900, b"b" * 900, b"c" * 3000, b"d" * 900, b"e" * 900]
    answers = await asyncio.gather(
        *(carrier.put((small, 0), part(value), len(value)) for value in sent),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [int, int, BatchTooLarge, int, int]
    assert await values_of(bootstrap, small, 0) == [b"first", *(s for s in sent if len(s) < 2000)]


async def test_a_fenced_writer_is_told_that_it_is_over_and_nothing_was_stored(
    carrier: Carrier, writers: Writers, writer_name: str, topic: str, reader: Reader
) -> None:
    await carrier.put((topic, 0), part(b"before"), 6)
    await fence(writers, writer_name, topic, [0])
    with pytest.raises(WriterOver):
        await carrier.put((topic, 0), part(b"late"), 4)
    with pytest.raises(BrokerUnavailable):
        await carrier.put((topic, 0), part(b"later"), 5)
    assert await values(reader, topic) == [b"before"]
