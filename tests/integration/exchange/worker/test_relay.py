"""What a transaction left in the outbox reaches the broker, in order, at least once (ADR 0006)."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.log import events
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.events import EventLog
from exchange.log.topics import TopicPolicy, Topics
from exchange.relay import BATCH, Relay
from kernel import outbox
from kernel.database import Database
from kernel.ids import new_id
from tests.support.processes import free_port

POLICY = TopicPolicy(replication_factor=1, min_insync_replicas=1, retention_ms=-1)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic of messages that only this test writes to."""
    name = f"test.events.{new_id()}"
    monkeypatch.setattr(events, "EVENTS_TOPIC", name)
    return name


async def event_log(bootstrap: str) -> AsyncIterator[EventLog]:
    connection = Connection(bootstrap, "test")
    log = EventLog(bootstrap, Topics(connection, POLICY))
    yield log
    await log.close()
    await connection.close()


@pytest.fixture
async def log(topic: str, endpoints: Endpoints) -> AsyncIterator[EventLog]:
    async for opened in event_log(endpoints.kafka_bootstrap):
        yield opened


@pytest.fixture
async def second_log(topic: str, endpoints: Endpoints) -> AsyncIterator[EventLog]:
    async for opened in event_log(endpoints.kafka_bootstrap):
        yield opened


async def leave(own: Database, *numbers: int) -> None:
    async with own.transaction() as session:
        for number in numbers:
            outbox.add(session, "test.done", f"key-{number % 3}", {"number": number, "text": "数"})


async def waiting(own: Database) -> int:
    async with own.reading() as session:
        return int((await session.execute(text("SELECT count(*) FROM kernel.outbox"))).scalar_one())


async def heard(endpoints: Endpoints, topic: str) -> list[dict[str, Any]]:
    """Return all messages of the topic, read by an independent consumer."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=endpoints.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found: list[dict[str, Any]] = []
        partition = TopicPartition(topic, 0)
        [end] = (await consumer.end_offsets([partition])).values()
        while len(found) < end:
            for batch in (await consumer.getmany(timeout_ms=700)).values():
                for record in batch:
                    said = json.loads(record.value)
                    assert record.key.decode() == f"key-{said['payload']['number'] % 3}"
                    found.append(said)
        return found
    finally:
        await consumer.stop()


async def one_round(own: Database, log: EventLog) -> int:
    async with closing(Relay(own, log)) as relay:
        return await relay.round()


@asynccontextmanager
async def closing(relay: Relay) -> AsyncIterator[Relay]:
    try:
        yield relay
    finally:
        await relay.close()


def numbers(said: list[dict[str, Any]]) -> list[int]:
    return [message["payload"]["number"] for message in said]


async def test_messages_arrive_in_the_order_in_which_they_were_left(
    own: Database, log: EventLog, endpoints: Endpoints, topic: str
) -> None:
    for first in range(0, 500, 50):
        await leave(own, *range(first, first + 50))
    async with closing(Relay(own, log)) as relay:
        assert await relay.round() == BATCH
        while await relay.round():
            pass
    said = await heard(endpoints, topic)
    assert numbers(said) == list(range(500))
    assert await waiting(own) == 0
    assert set(said[0]) == {"id", "type", "at", "payload"}
    assert said[0]["payload"]["text"] == "数"
    assert len({message["id"] for message in said}) == 500


async def test_what_was_rolled_back_is_never_told(
    own: Database, log: EventLog, endpoints: Endpoints, topic: str
) -> None:
    with pytest.raises(RuntimeError, match="no"):
        await leave_and_fail(own)
    await leave(own, 2)
    assert await one_round(own, log) == 1
    assert numbers(await heard(endpoints, topic)) == [2]


async def leave_and_fail(own: Database) -> None:
    async with own.transaction() as session:
        outbox.add(session, "test.done", "key-1", {"number": 1})
        await session.flush()
        raise RuntimeError("no")


async def test_a_relay_that_dies_between_sending_and_removing_sends_again(
    own: Database,
    log: EventLog,
    endpoints: Endpoints,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await leave(own, *range(10))

    async def die(*_: object) -> None:
        raise ConnectionResetError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "remove", die)
        with pytest.raises(ConnectionResetError):
            await one_round(own, log)
    assert await waiting(own) == 10
    assert await one_round(own, log) == 10
    assert await waiting(own) == 0
    said = await heard(endpoints, topic)
    assert numbers(said) == [*range(10), *range(10)]
    assert len({message["id"] for message in said}) == 10


async def test_without_a_broker_everything_stays_in_the_outbox(
    own: Database, topic: str, log: EventLog, endpoints: Endpoints
) -> None:
    async for nowhere in event_log(f"127.0.0.1:{free_port()}"):
        await leave(own, 1, 2, 3)
        with pytest.raises(BrokerUnavailable):
            await one_round(own, nowhere)
        assert await waiting(own) == 3
    assert await one_round(own, log) == 3
    assert numbers(await heard(endpoints, topic)) == [1, 2, 3]


async def test_a_message_that_no_waiting_helps_is_no_broker_that_is_away(
    own: Database, log: EventLog, endpoints: Endpoints, topic: str
) -> None:
    """It once was waited for like one: the outbox stood still behind it, and nobody was told."""
    async with own.transaction() as session:
        outbox.add(session, "test.done", "key-0", {"number": 0, "text": "x" * 2_000_000})
    assert await one_round(own, log) == 1
    assert numbers(await heard(endpoints, topic)) == [0]
    async with own.transaction() as session:
        outbox.add(session, "test.done", "key-1", {"number": 1, "text": "x" * 13_000_000})
    with pytest.raises(MessageSizeTooLargeError):
        await one_round(own, log)
    assert await waiting(own) == 1
    async with own.transaction() as session:
        await session.execute(text("DELETE FROM kernel.outbox"))


class Slow(EventLog):
    """A worker whose way to the broker is longer than that of its neighbour."""

    async def append(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        await asyncio.sleep(0.3)
        await super().append(messages)


class Looking(EventLog):
    """Looks, while the broker is waited for, for transactions that stand open meanwhile."""

    idle: int = -1
    database: Database

    async def append(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        async with self.database.reading() as session:
            self.idle = (await session.execute(IDLE_IN_TRANSACTION)).scalar_one()
        await super().append(messages)


IDLE_IN_TRANSACTION = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
)


async def test_no_transaction_is_open_while_the_broker_is_waited_for(
    own: Database, log: EventLog, topic: str
) -> None:
    """The relay's transaction was its lock: a hung broker kept it open, and its connection."""
    await leave(own, 1)
    looking = Looking(log._access, log._topics)
    looking.database = own
    assert await one_round(own, looking) == 1
    await looking.close()
    assert looking.idle == 0


async def test_two_relays_at_once_keep_the_order(
    own: Database, log: EventLog, second_log: EventLog, endpoints: Endpoints, topic: str
) -> None:
    """While one relay sent the oldest messages, another once overtook it with the next ones."""
    await leave(own, *range(3 * BATCH))
    slow = Slow(second_log._access, second_log._topics)

    async def work(log: EventLog) -> None:
        async with closing(Relay(own, log)) as relay:
            while await waiting(own):
                if not await relay.round():
                    await asyncio.sleep(0.05)

    await asyncio.gather(work(slow), work(log))
    await slow.close()
    assert numbers(await heard(endpoints, topic)) == list(range(3 * BATCH))
