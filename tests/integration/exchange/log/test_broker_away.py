"""A broker that freezes or dies costs time, and neither a record nor a second copy (P4, P5).

These tests have a broker of their own: freezing the session's would hold up everybody else.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.kafka import Kafka
from deploy.local.ports import PortBook
from deploy.local.stack import Endpoints
from exchange.log import connection as connections
from exchange.log import events, produce, transaction
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.log.events import EventLog
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import Topics
from exchange.log.transaction import SpanningLog
from exchange.log.writer import Writers
from exchange.relay import Relay
from kernel import outbox
from kernel.database import Database
from kernel.ids import new_id
from tests.integration.exchange.log.conftest import POLICY
from tests.support.appending import AppendingLog
from tests.support.databases import own_database

pytestmark = pytest.mark.slow
MIB = 1024 * 1024
BACK_SECONDS = 150.0


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    root: Path = tmp_path_factory.mktemp("broker")
    ports = PortBook(root / "ports.json")
    server = Kafka(root, ports, usual_port=0, progress=lambda _line: None)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture
def bootstrap(broker: Kafka) -> str:
    return broker.bootstrap


def pid(broker: Kafka) -> int:
    found = broker.status().pid
    assert found is not None
    return found


async def test_what_was_on_the_wire_to_a_frozen_broker_is_stored_once(
    broker: Kafka,
    bootstrap: str,
    writers: Writers,
    writer_name: str,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request times out and is sent again; both copies arrive when the broker wakes."""
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_MS", 700)
    connection = Connection(bootstrap, "impatient")
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    assert await log.append([Slice([b"1"], [b"before"], [])]) == 0
    frozen = pid(broker)
    os.kill(frozen, signal.SIGSTOP)
    try:
        # Its threads stop one by one.
        await asyncio.sleep(0.3)
        appending = asyncio.create_task(log.append([Slice([b"2"], [b"frozen"], [])]))
        await asyncio.sleep(2.5)
        assert not appending.done()
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert await appending == 1
    assert await log.append([Slice([b"3"], [b"after"], [])]) == 2
    reader = Reader(connection, ChunkCache(MIB))
    assert (await reader.read(topic, 0, 0, MIB)).values == [b"before", b"frozen", b"after"]
    await connection.close()


@pytest.fixture
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    """Its outbox is emptied by nobody else."""
    async with own_database(endpoints.database_url, pool_size=4) as opened:
        yield opened


async def test_a_broker_that_dies_and_comes_back_has_everything_in_order(
    broker: Kafka,
    bootstrap: str,
    database: Database,
    connection: Connection,
    writers: Writers,
    writer_name: str,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Records and the relay's messages alike wait for it; the platform says that it is away."""
    told = f"test.events.{new_id()}"
    monkeypatch.setattr(events, "EVENTS_TOPIC", told)
    # A broker of a busy machine may need longer to come back than the patience that is not tried.
    monkeypatch.setattr(produce, "GIVE_UP_SECONDS", BACK_SECONDS)
    monkeypatch.setattr(produce, "REFUSED_SECONDS", BACK_SECONDS)
    monkeypatch.setattr(connections, "METADATA_WAIT_SECONDS", BACK_SECONDS)
    events_log = EventLog(bootstrap, Topics(connection, POLICY))
    relay = Relay(database, events_log)
    log = AppendingLog(connection, topic, 0, await writers.enter(writer_name))
    await log.append([Slice([b"1"], [b"before"], [])])
    await leave(database, "before")
    assert await relay.round() == 1
    os.kill(pid(broker), signal.SIGKILL)
    await leave(database, "during-1", "during-2")
    appending = asyncio.create_task(log.append([Slice([b"2"], [b"during"], [])]))
    relaying = asyncio.create_task(insisted(relay))
    await asyncio.sleep(0.5)
    assert not await connection.alive()
    await leave(database, "during-3")
    assert not appending.done()
    assert not relaying.done()
    await asyncio.to_thread(broker.stop)
    await asyncio.to_thread(broker.start)
    assert await appending == 1
    # Tried again, it may take along what was left meanwhile.
    assert await relaying in {2, 3}
    await leave(database, "after")
    assert await relay.round() in {1, 2}
    assert await connection.alive()
    reader = Reader(connection, ChunkCache(MIB))
    assert (await reader.read(topic, 0, 0, MIB)).values == [b"before", b"during"]
    keys = [key.decode() for key in (await reader.read(told, 0, 0, MIB)).keys]
    assert list(dict.fromkeys(keys)) == ["before", "during-1", "during-2", "during-3", "after"]
    await relay.close()
    await events_log.close()


async def insisted(relay: Relay) -> int:
    """As the worker does: a round that the broker did not take is tried again."""
    while True:
        try:
            return await relay.round()
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


async def leave(database: Database, *keys: str) -> None:
    async with database.transaction() as session:
        for key in keys:
            outbox.add(session, "test.done", key, {})


async def test_a_transaction_is_given_up_in_time_while_the_broker_is_frozen(
    broker: Kafka, bootstrap: str, topic: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client library tries for as long as it takes: callers had no answer after 90 s."""
    monkeypatch.setattr(transaction, "GIVE_UP_SECONDS", 1.0)
    spanning = SpanningLog(bootstrap, time.time_ns() % 2**31)
    await spanning.enter()
    parts = [((topic, 0), Slice([b"1"], [b"never"], []))]
    os.kill(pid(broker), signal.SIGSTOP)
    try:
        await asyncio.sleep(0.3)
        async with asyncio.timeout(5):
            with pytest.raises(OutcomeUnknown):
                await spanning.append(parts)
            with pytest.raises(BrokerUnavailable):
                await spanning.append(parts)
    finally:
        os.kill(pid(broker), signal.SIGCONT)
    await spanning.close()
    assert (await reader.read(topic, 0, 0, MIB)).values == []
