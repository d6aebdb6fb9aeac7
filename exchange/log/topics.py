"""One resource is one topic; it counts as open when every partition has a leader."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from kernel.settings import Settings

log = logging.getLogger(__name__)

PREFIX = "shuyuan.records."
EVENTS_TOPIC = "shuyuan.events"
TIMEOUT_MS = 15_000
MESSAGE_MAX_BYTES = 12 * 1024 * 1024


TOPIC_RESOURCE = 2
DESCRIBED_AT_ONCE = 100
NAMED = 5


def topic_of(resource_id: str) -> str:
    return PREFIX + resource_id


@dataclass(frozen=True, slots=True)
class TopicPolicy:
    """How topics are kept; `retention_ms` -1 keeps records for ever."""

    replication_factor: int
    min_insync_replicas: int
    retention_ms: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the policy of record topics."""
        hours = settings.retention_hours
        return cls(
            settings.replication_factor,
            settings.min_insync_replicas,
            hours * 3_600_000 if hours >= 0 else -1,
        )

    def configs(self) -> dict[str, str]:
        return {
            "min.insync.replicas": str(min(self.min_insync_replicas, self.replication_factor)),
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "max.message.bytes": str(MESSAGE_MAX_BYTES),
            "cleanup.policy": "delete",
            # A copy that lacks acknowledged records never becomes the leader (P4).
            "unclean.leader.election.enable": "false",
            # Times grow with offsets, whichever gateway wrote: a reader by time misses nothing.
            "message.timestamp.type": "LogAppendTime",
        }

    def entries(self) -> list[tuple[str, str]]:
        return list(self.configs().items())


class Topics:
    def __init__(self, connection: Connection, policy: TopicPolicy) -> None:
        self._connection = connection
        self._policy = policy

    async def ensure(self, topic: str, partitions: int) -> None:
        """Create the topic unless it exists, and wait for its leaders; BrokerUnavailable.

        One that exists is taken as it is, and where it differs from the policy the log says so.
        """
        try:
            created = await self._create(topic, partitions)
        except (TimeoutError, KafkaError, OSError) as error:
            log.warning("topic %s is not created: %r", topic, error)
            raise BrokerUnavailable from error
        await asyncio.gather(*(self._connection.leader(topic, p) for p in range(partitions)))
        if not created:
            await self._compare(topic)

    async def _compare(self, topic: str) -> None:
        try:
            differing = await differences(self._connection, [topic], self._policy)
        except (BrokerUnavailable, TimeoutError, KafkaError, OSError) as error:
            differing = [f"topic {topic} could not be compared with its policy: {error!r}"]
        for difference in differing:
            log.warning("kafka: %s", difference)

    async def _create(self, topic: str, partitions: int) -> bool:
        """Return whether the topic was created; False where it existed."""
        new: tuple[Any, ...] = (
            topic,
            partitions,
            self._policy.replication_factor,
            [],
            self._policy.entries(),
        )
        request = CreateTopicsRequest([new], TIMEOUT_MS, False)  # noqa: FBT003
        answer = await self._connection.ask_any(request)
        [(_topic, code, message)] = answer.topic_errors
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(message or f"creating {topic}")
        return not code


async def differences(
    connection: Connection, topics: Sequence[str], policy: TopicPolicy
) -> list[str]:
    """Return in a sentence each how topics are kept other than by the policy; KafkaError."""
    configs = policy.configs()
    differing: dict[str, list[str]] = {}
    for first in range(0, len(topics), DESCRIBED_AT_ONCE):
        resources = [
            (TOPIC_RESOURCE, topic, list(configs))
            for topic in topics[first : first + DESCRIBED_AT_ONCE]
        ]
        answer = await connection.ask_any(DescribeConfigsRequest(resources))
        for code, _message, _kind, topic, entries in answer.resources:
            if code:
                raise for_code(code)(topic)
            for name, value, *_rest in entries:
                if value != configs[name]:
                    difference = f"{name}={value}, not {configs[name]}"
                    differing.setdefault(difference, []).append(topic)
    return [
        f"{len(their)} topic(s) have {difference}: {', '.join(their[:NAMED])}"
        for difference, their in sorted(differing.items())
    ]
