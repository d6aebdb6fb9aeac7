"""Connections to Kafka, and requests to the leader of a partition."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ConcurrentTransactions,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
)
from aiokafka.protocol.metadata import MetadataRequest

from exchange.log.aiokafka_internals import pause_between_updates, watch_one_topic
from exchange.log.errors import BrokerUnavailable

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_MS = 15_000
BACKOFF_SECONDS = 0.05
# What stands for the leader of a partition that has none.
NOBODY = -1
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
        self._leaders: dict[tuple[str, int], int] = {}
        self._unknown: set[str] = set()
        self._sought: set[str] = set()
        self._seeking: asyncio.Task[None] | None = None

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
        pause_between_updates(client)
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
        for task in (self._refreshing, self._seeking):
            if task is not None:
                task.cancel()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def alive(self) -> bool:
        """Whether a broker answers now."""
        try:
            client = await self.client()
        except BrokerUnavailable:
            return False
        return any([await self._answers(broker.nodeId) for broker in client.cluster.brokers()])

    async def _answers(self, node: int) -> bool:
        try:
            return bool((await self.send(node, MetadataRequest([], False))).brokers)  # noqa: FBT003
        except (KafkaError, OSError, TimeoutError):
            return False

    async def leader(self, topic: str, partition: int) -> int:
        """Return the node that leads the partition, waiting for an election."""
        deadline = asyncio.get_running_loop().time() + METADATA_WAIT_SECONDS
        while True:
            if (node := self._leaders.get((topic, partition))) is not None:
                return node
            answered = await self._seek(topic)
            if (node := self._leaders.get((topic, partition))) is not None:
                return node
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerUnavailable
            if not answered:
                await self.refresh()
            await asyncio.sleep(BACKOFF_SECONDS)

    def known_leader(self, topic: str, partition: int) -> int | None:
        """Return the partition's leader if it is known without asking."""
        return self._leaders.get((topic, partition))

    async def _seek(self, topic: str) -> bool:
        """Ask for the leaders of a topic; all who ask meanwhile share one request after it.

        aiokafka asks for every topic that it knows whenever it meets a new one: thousands of
        topics one by one would cost millions of answers. Returns whether a broker answered.
        """
        answered = False
        self._unknown.add(topic)
        while topic in self._unknown or topic in self._sought:
            if self._seeking is None:
                self._sought, self._unknown = self._unknown, set()
                self._seeking = asyncio.create_task(self._find(list(self._sought)))
                self._seeking.add_done_callback(self._found)
            seeking = self._seeking
            await asyncio.wait([seeking])
            answered = not seeking.cancelled() and seeking.exception() is None
        return answered

    def _found(self, done: "asyncio.Task[None]") -> None:
        self._seeking, self._sought = None, set()
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("kafka: %r", error)  # whoever asked tries again, or gives up

    async def _find(self, topics: list[str]) -> None:
        client = await self.client()
        request = MetadataRequest(topics, False)  # noqa: FBT003
        node = client.get_random_node()
        if node is None:
            raise BrokerUnavailable
        answer = await self.send(node, request)
        for code, topic, _internal, partitions in answer.topics:
            if not code:
                watch_one_topic(client, topic)
            for _code, partition, leader, *_replicas in partitions:
                if leader == NOBODY:
                    self._leaders.pop((topic, partition), None)
                else:
                    self._leaders[topic, partition] = leader

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
        with suppress(BrokerUnavailable, KafkaError, OSError, TimeoutError):
            await self._find(list({topic for topic, _partition in self._leaders}))

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
