"""Connections to Kafka, and requests to the leader of a partition."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from aiokafka.errors import (
    ConcurrentTransactions,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
    for_code,
)
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest

from exchange.log.access import Brokers, access
from exchange.log.aiokafka_internals import Client
from exchange.log.errors import BrokerUnavailable
from exchange.log.partitions import TopicPartition
from kernel.clock import monotonic
from kernel.metrics import Histogram

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_MS = 15_000
# Reading again costs nothing: a leader that is silent for so long may have been replaced.
READ_TIMEOUT_MS = 4_000
BACKOFF_SECONDS = 0.05
# What stands for the leader of a partition that has none.
NOBODY = -1
BACKOFF_MAX_SECONDS = 0.25
METADATA_WAIT_SECONDS = 10.0
REFRESH_SECONDS = 2.0
# Decoding what is said of a topic takes a hundredth of a millisecond for each partition.
TOPICS_AT_ONCE = 100
# The probe of readiness has three seconds.
ALIVE_SECONDS = 2.5
BROKERS_ONLY = MetadataRequest([], False)  # noqa: FBT003 - aiokafka's signature

Answer = TypeVar("Answer")
LOST = (
    KafkaConnectionError,
    RequestTimedOutError,
    KafkaTimeoutError,
    NodeNotReadyError,
    OSError,
    asyncio.TimeoutError,
)
"""A topic and a partition."""
# The coordinator still writes the markers of the transaction before.
PASSING = (*LOST, ConcurrentTransactions)


KAFKA_SECONDS = Histogram(
    "shuyuan_kafka_seconds", "from a request to a broker to its answer, by purpose", "purpose"
)


class Connection:
    """One client of the cluster; requests on it are answered in the order they were sent."""

    def __init__(
        self, brokers: Brokers, purpose: str, *, request_timeout_ms: int | None = None
    ) -> None:
        self._access = access(brokers)
        self._purpose = purpose
        self._times = KAFKA_SECONDS.of(purpose)
        self._request_timeout_ms = request_timeout_ms
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self._leaders: dict[TopicPartition, int] = {}
        self._wanted: dict[str, None] = {}
        self._asked: frozenset[str] = frozenset()
        self._round: asyncio.Task[None] | None = None
        self._troubles: tuple[str, ...] = ()
        self._on_learn: Callable[[str], None] | None = None

    def on_learn(self, listener: Callable[[str], None]) -> None:
        """Tell the listener of each topic whose leaders had to be learnt again."""
        self._on_learn = listener

    async def client(self) -> Client:
        """Return the connected client; raises BrokerUnavailable."""
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._open()
        return self._client

    async def _open(self) -> Client:
        client = Client(
            self._access,
            f"shuyuan-{self._purpose}",
            self._request_timeout_ms or REQUEST_TIMEOUT_MS,
        )
        try:
            await client.bootstrap()
        except (KafkaError, OSError, LookupError) as error:
            self._troubles = client.told_troubles()
            await client.close()
            raise BrokerUnavailable from error
        return client

    async def close(self) -> None:
        if self._round is not None:
            self._round.cancel()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def alive(self) -> bool:
        """Whether a broker answers now: all are asked at once, the first answer counts."""
        try:
            client = await self.client()
            async with asyncio.timeout(ALIVE_SECONDS):
                answer = await client.ask_any(BROKERS_ONLY, pause_seconds=0)
        except (BrokerUnavailable, *LOST, KafkaError):
            return False
        return bool(answer.brokers)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why brokers could not be reached when they were last tried, by address."""
        return self._troubles if self._client is None else self._client.told_troubles()

    async def brokers(self) -> int:
        """Return how many brokers the cluster has now; raises BrokerUnavailable."""
        return len((await self.ask_any(BROKERS_ONLY)).brokers)

    async def leader(self, topic: str, partition: int) -> int:
        """Return the node that leads the partition, waiting for an election.

        Raises BrokerUnavailable where there is none for METADATA_WAIT_SECONDS.
        """
        node = self._leaders.get((topic, partition))
        if node is not None:
            return node
        deadline = asyncio.get_running_loop().time() + METADATA_WAIT_SECONDS
        while True:
            await self.refresh([topic])
            node = self._leaders.get((topic, partition))
            if node is not None:
                return node
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerUnavailable
            await asyncio.sleep(BACKOFF_SECONDS)

    def known_leader(self, topic: str, partition: int) -> int | None:
        """Return the partition's leader if it is known without asking."""
        return self._leaders.get((topic, partition))

    async def refresh(self, topics: Iterable[str] | None = None) -> bool:
        """Learn who leads the partitions of these topics, of all that are known without any named.

        All who ask meanwhile share the next request, which is tried for a while when no broker
        answers: hundreds of waiting requests that each knock by themselves would keep a broker
        from coming back. A round asks for TOPICS_AT_ONCE and ends within REFRESH_SECONDS. Returns
        whether brokers answered; raises BrokerUnavailable where none could be reached yet.
        """
        mine = {topic for topic, _partition in self._leaders} if topics is None else set(topics)
        self._wanted.update(dict.fromkeys(mine))
        answered = True
        while True:
            if self._round is None:
                self._round = asyncio.create_task(self._learn())
                self._round.add_done_callback(self._round_ended)
            this = self._round
            await asyncio.wait([this])
            error = asyncio.CancelledError() if this.cancelled() else this.exception()
            if isinstance(error, BrokerUnavailable):
                raise BrokerUnavailable from error
            answered = answered and error is None
            if not any(topic in self._wanted or topic in self._asked for topic in mine):
                return answered

    def _round_ended(self, done: "asyncio.Task[None]") -> None:
        self._round, self._asked = None, frozenset()
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("kafka: %r", error)  # whoever asked tries again, or gives up

    async def _learn(self) -> None:
        self._asked = frozenset(islice(self._wanted, TOPICS_AT_ONCE))
        for topic in self._asked:
            del self._wanted[topic]
        client = await self.client()
        pause = BACKOFF_SECONDS
        async with asyncio.timeout(REFRESH_SECONDS):
            while True:
                try:
                    self._note(await client.learn(self._asked))
                except (KafkaError, OSError) as error:
                    log.debug("kafka: %r", error)
                else:
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, BACKOFF_MAX_SECONDS)

    def _note(self, answer: Any) -> None:  # noqa: ANN401
        for _code, topic, _internal, partitions in answer.topics:
            if self._on_learn is not None:
                self._on_learn(topic)
            for _code, partition, leader, *_replicas in partitions:
                if leader == NOBODY:
                    self._leaders.pop((topic, partition), None)
                else:
                    self._leaders[topic, partition] = leader

    async def send(self, node: int, request: Any) -> Any:  # noqa: ANN401
        """Return the node's answer; raises BrokerUnavailable when nothing was sent, KafkaError."""
        client = await self.client()
        asked_at = monotonic()
        with _tripping():
            answer = await client.send(node, request)
        self._times.add(monotonic() - asked_at)
        return answer

    async def ask_leader(self, topic: str, partition: int, request: Any) -> Any:  # noqa: ANN401
        return await self.send(await self.leader(topic, partition), request)

    async def ask_any(self, request: Any) -> Any:  # noqa: ANN401
        """Return the first answer of any broker; BrokerUnavailable, KafkaError, OSError."""
        client = await self.client()
        with _tripping():
            return await client.ask_any(request)

    async def ask_coordinator(self, kind: int, name: str, request: Any) -> Any:  # noqa: ANN401
        """Ask the node that coordinates a group (kind 0) or a transactional id (kind 1)."""
        answer = await self.ask_any(FindCoordinatorRequest(name, kind))
        if answer.error_code:
            raise for_code(answer.error_code)
        return await self.send(answer.coordinator_id, request)


@contextmanager
def _tripping() -> Iterator[None]:
    """Call it a lost connection when aiokafka trips over one that ended under its hands."""
    try:
        yield
    except NodeNotReadyError:
        raise
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
    topics: Sequence[str] = (),
) -> Answer:
    """Try until it works, while the failure is one that passes; BrokerUnavailable afterwards.

    Between two tries the leaders of `topics` are learnt again. An error of type `through` is the
    caller's to handle.
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
        await connection.refresh(topics)
