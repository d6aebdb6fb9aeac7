"""Connections to Kafka, and requests to the leader of a partition."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ConcurrentTransactions,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
)
from aiokafka.structs import TopicPartition

from exchange.broker.errors import BrokerUnavailable

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_MS = 15_000
BACKOFF_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 0.25
METADATA_WAIT_SECONDS = 10.0
REFRESH_SECONDS = 2.0

Answer = TypeVar("Answer")
LOST = (
    KafkaConnectionError,
    RequestTimedOutError,
    KafkaTimeoutError,
    OSError,
    asyncio.TimeoutError,
)
# The coordinator still writes the markers of the transaction before.
PASSING = (*LOST, ConcurrentTransactions)


class Connection:
    """One client of the cluster; requests on it are answered in the order they were sent."""

    def __init__(self, bootstrap: str, purpose: str) -> None:
        self._bootstrap = bootstrap
        self._purpose = purpose
        self._client: AIOKafkaClient | None = None
        self._opening = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def client(self) -> Any:  # noqa: ANN401 - aiokafka is untyped
        """Return the connected client; raises BrokerUnavailable."""
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._open()
        return self._client

    async def _open(self) -> AIOKafkaClient:
        client = AIOKafkaClient(
            bootstrap_servers=self._bootstrap,
            client_id=f"shuyuan-{self._purpose}",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=30_000,
        )
        try:
            await client.bootstrap()
        except (KafkaError, OSError) as error:
            await client.close()
            raise BrokerUnavailable from error
        if not client.cluster.brokers():
            # A broker that has just come back names none, itself included: such a client would
            # never learn of one when its first connection ends.
            await client.close()
            raise BrokerUnavailable
        return client

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def alive(self) -> bool:
        """Whether a broker answers now."""
        try:
            client = await self.client()
            return bool(await client.fetch_all_metadata())
        except (BrokerUnavailable, KafkaError, OSError, TimeoutError):
            return False

    async def leader(self, topic: str, partition: int) -> int:
        """Return the node that leads the partition, waiting for an election."""
        client = await self.client()
        deadline = asyncio.get_running_loop().time() + METADATA_WAIT_SECONDS
        while True:
            if topic not in client._topics:  # noqa: SLF001 - no public look-up
                await client.add_topic(topic)
            node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
            if node is not None and node != -1:
                return int(node)
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerUnavailable
            await self.refresh()
            await asyncio.sleep(BACKOFF_SECONDS)

    def known_leader(self, topic: str, partition: int) -> int | None:
        """Return the partition's leader if it is known without asking."""
        client = self._client
        if client is None or topic not in client._topics:  # noqa: SLF001 - no public look-up
            return None
        node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        return None if node is None or node == -1 else int(node)

    async def send(self, node: int, request: Any) -> Any:  # noqa: ANN401
        """Return the node's answer; raises BrokerUnavailable when nothing was sent, KafkaError."""
        client = await self.client()
        with _tripping():
            return await client.send(node, request)

    async def ask_leader(self, topic: str, partition: int, request: Any) -> Any:  # noqa: ANN401
        return await self.send(await self.leader(topic, partition), request)

    async def ask_coordinator(self, kind: int, name: str, request: Any) -> Any:  # noqa: ANN401
        """Ask the node that coordinates a group (kind 0) or a transactional id (kind 1)."""
        client = await self.client()
        with _tripping():
            node = await client.coordinator_lookup(kind, name)
        return await self.send(node, request)

    async def refresh(self) -> None:
        """Learn the leaders again after one of them refused or was lost.

        All who ask share one task, which tries for a while when no broker answers: hundreds of
        waiting requests that each knock by themselves would keep a broker from coming back.
        """
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._learn())
            self._refreshing.add_done_callback(self._refreshed)
        await asyncio.shield(self._refreshing)

    async def _learn(self) -> None:
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + REFRESH_SECONDS, BACKOFF_SECONDS
        client = await self.client()
        while not await client.force_metadata_update() and loop.time() < deadline:
            await asyncio.sleep(pause)
            pause = min(2 * pause, BACKOFF_MAX_SECONDS)

    def _refreshed(self, done: "asyncio.Task[None]") -> None:
        self._refreshing = None
        if not done.cancelled():
            done.exception()  # whoever waits is told; nobody may have stayed


@contextmanager
def _tripping() -> Iterator[None]:
    """Call it a lost connection when aiokafka trips over one that ended under its hands."""
    try:
        yield
    except (AssertionError, LookupError, RuntimeError) as error:
        log.warning("kafka: %r", error)
        raise KafkaConnectionError(repr(error)) from error


def is_passing(error: BaseException) -> bool:
    """Whether trying again may help: the broker was lost, moved or is busy."""
    return isinstance(error, PASSING) or bool(getattr(error, "retriable", False))


async def patiently(
    attempt: Callable[[], Awaitable[Answer]],
    *,
    seconds: float,
    connection: Connection,
    through: type[KafkaError] | tuple[type[KafkaError], ...] = (),
) -> Answer:
    """Try until it works, while the failure is one that passes; BrokerUnavailable afterwards.

    An error of type `through` is the caller's to handle.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await attempt()
        except through:
            raise
        except (TimeoutError, KafkaError, OSError) as error:
            passing = is_passing(error)
            late = asyncio.get_running_loop().time() > deadline
            if not passing or late:
                log.warning("kafka: %r", error)
                raise BrokerUnavailable from error
        await asyncio.sleep(BACKOFF_SECONDS)
        await connection.refresh()
