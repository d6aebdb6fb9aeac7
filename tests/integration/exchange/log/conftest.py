"""Connections to the test's broker, and topics of a test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from deploy.local.stack import Endpoints
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.reader import Reader
from exchange.log.topics import TopicPolicy, Topics
from exchange.log.writer import Writers
from kernel.ids import new_id

POLICY = TopicPolicy(replication_factor=1, min_insync_replicas=1, retention_ms=-1)
NewTopic = Callable[[int], Awaitable[str]]


@pytest.fixture
def bootstrap(endpoints: Endpoints) -> str:
    return endpoints.kafka_bootstrap


@pytest.fixture
async def connection(bootstrap: str) -> AsyncIterator[Connection]:
    opened = Connection(bootstrap, "test")
    yield opened
    await opened.close()


@pytest.fixture
async def topics(bootstrap: str, connection: Connection) -> Topics:
    return Topics(connection, POLICY)


@pytest.fixture
async def topic(topics: Topics) -> str:
    """A topic with one partition."""
    name = f"test.{new_id()}"
    await topics.ensure(name, 1)
    return name


@pytest.fixture
def reader(connection: Connection) -> Reader:
    return Reader(connection, ChunkCache(1024 * 1024))


@pytest.fixture
def writers(connection: Connection) -> Writers:
    return Writers(connection)


@pytest.fixture
def writer_name() -> str:
    return f"test-writer-{new_id()}"
