"""TLS and passwords towards Kafka: one reading of the settings for every client (I4, I5)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from exchange.log.access import Access
from exchange.log.chunk_cache import ChunkCache
from exchange.log.condition import Condition
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.events import EventLog
from exchange.log.headers import BatchFacts
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import TopicPolicy, Topics
from exchange.log.transaction import SpanningLog
from exchange.log.writer import Writers
from kernel.ids import new_id
from kernel.settings import Settings
from tests.support.appending import AppendingLog
from tests.support.brokers import Brokers
from tests.support.certificates import Authority
from tests.support.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MIB = 1024 * 1024
POLICY = TopicPolicy(replication_factor=3, min_insync_replicas=2, retention_ms=-1)
FACTS = BatchFacts(1, 1, bytes(32), "client", "correlation").headers()


@pytest.fixture
def options(brokers: Brokers, cluster: Cluster, tmp_path: Path) -> dict[str, Any]:
    """The settings of a platform that comes by the secured listener."""
    password = tmp_path / "password"
    password.write_text(brokers.password + "\n")
    return {
        "kafka_bootstrap": cluster.secured_bootstrap,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_username": brokers.username,
        "kafka_sasl_password_file": password,
        "kafka_ca_file": brokers.authority.file,
    }


def access(options: dict[str, Any], **others: object) -> Access:
    return Access.of(Settings.model_validate({**options, **others}))


@pytest.fixture
async def opened() -> AsyncIterator[list[Connection]]:
    connections: list[Connection] = []
    yield connections
    for each in connections:
        await each.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_records_and_events_are_written_and_read(
    options: dict[str, Any], brokers: Brokers, opened: list[Connection], mechanism: str
) -> None:
    certificate, key = brokers.authority.issue(f"platform-{mechanism}")
    reached = access(
        options,
        kafka_sasl_mechanism=mechanism,
        kafka_cert_file=certificate,
        kafka_key_file=key,
    )
    connection = Connection(reached, "secured")
    opened.append(connection)
    topic = f"test.{new_id()}"
    await Topics(connection, POLICY).ensure(topic, 2)
    producer = await Writers(connection).enter(f"test-writer-{new_id()}")
    log = AppendingLog(connection, topic, 0, producer)
    part = Slice([b"k"], [b"{}"], FACTS)
    assert await log.append([part]) == 0
    spanning = SpanningLog(reached, int(producer.id) + 10_000_000)
    await spanning.enter()
    assert await spanning.append([((topic, 0), part), ((topic, 1), part)]) == [1, 0]
    await spanning.close()
    reader = Reader(connection, ChunkCache(MIB))

    async def arrived() -> bool:
        return (await reader.read(topic, 0, 1, MIB)).offsets == [1]

    await eventually(arrived)  # a transaction is decided a moment before readers see it
    events = EventLog(reached, Topics(connection, POLICY))
    await events.append([(b"key", b"{}")])
    await events.close()
    condition = Condition(connection, POLICY)
    await condition.look()
    assert condition.findings == ()


@pytest.mark.parametrize("wrong", ["authority", "password", "mechanism", "protocol", "clear"])
async def test_what_keeps_it_from_the_brokers_is_named(
    options: dict[str, Any], opened: list[Connection], tmp_path: Path, wrong: str
) -> None:
    """The cause was in no log: publications failed, and everything else was well."""
    other = tmp_path / "other"
    other.write_text("not the password")
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "authority": (
            {"kafka_ca_file": Authority(tmp_path / "other-authority").file},
            "SHUYUAN_KAFKA_CA_FILE",
        ),
        "password": ({"kafka_sasl_password_file": other}, "SHUYUAN_KAFKA_SASL_USERNAME"),
        "mechanism": ({"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "SHUYUAN_KAFKA_SASL_MECHANISM"),
        "protocol": ({"kafka_security_protocol": "SSL"}, "kafka"),
        "clear": ({"kafka_security_protocol": "PLAINTEXT"}, "kafka"),
    }
    changed, named = cases[wrong]
    connection = Connection(access(options, **changed), "wrong", request_timeout_ms=3_000)
    opened.append(connection)
    condition = Condition(connection, POLICY)
    async with asyncio.timeout(240):
        await condition.look()
        assert condition.findings
        assert all(named in finding for finding in condition.findings)
        assert not await connection.alive()
        with pytest.raises(BrokerUnavailable):
            await connection.client()


async def test_more_copies_than_brokers_and_a_small_fetch_are_named(
    cluster: Cluster, opened: list[Connection]
) -> None:
    """One broker and three copies: all was ready, and the first publication a 503."""
    connection = Connection(cluster.bootstrap, "few")
    opened.append(connection)
    condition = Condition(connection, TopicPolicy(5, 5, -1))
    await condition.look()
    assert any("SHUYUAN_REPLICATION_FACTOR is 5" in each for each in condition.findings)
    assert any("SHUYUAN_MIN_INSYNC_REPLICAS is 5" in each for each in condition.findings)
