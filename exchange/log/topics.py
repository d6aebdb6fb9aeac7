"""One resource is one topic; it counts as open when every partition has a leader."""

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from exchange.log.aiokafka_internals import knows_controller
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable

PREFIX = "shuyuan.records."
EVENTS_TOPIC = "shuyuan.events"
TIMEOUT_MS = 15_000
MESSAGE_MAX_BYTES = 12 * 1024 * 1024


def topic_of(resource_id: str) -> str:
    return PREFIX + resource_id


@dataclass(frozen=True, slots=True)
class TopicPolicy:
    """How topics are kept; `retention_ms` -1 keeps records for ever."""

    replication_factor: int
    min_insync_replicas: int
    retention_ms: int

    def configs(self) -> dict[str, str]:
        return {
            "min.insync.replicas": str(min(self.min_insync_replicas, self.replication_factor)),
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MESSAGE_MAX_BYTES),
            "cleanup.policy": "delete",
        }


class Topics:
    def __init__(self, bootstrap: str, connection: Connection, policy: TopicPolicy) -> None:
        self._bootstrap = bootstrap
        self._connection = connection
        self._policy = policy

    async def ensure(self, topic: str, partitions: int) -> None:
        """Create the topic unless it exists, and wait for its leaders; BrokerUnavailable."""
        try:
            await self._create(topic, partitions)
        except (TimeoutError, KafkaError, OSError) as error:
            raise BrokerUnavailable from error
        for partition in range(partitions):
            await self._connection.leader(topic, partition)

    async def _create(self, topic: str, partitions: int) -> None:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._bootstrap, request_timeout_ms=TIMEOUT_MS
        )
        await admin.start()
        try:
            # A broker that has just come back names none; aiokafka would trip over that.
            if not knows_controller(admin):
                raise BrokerUnavailable
            new = NewTopic(
                topic,
                num_partitions=partitions,
                replication_factor=self._policy.replication_factor,
                topic_configs=self._policy.configs(),
            )
            answer = await admin.create_topics([new], timeout_ms=TIMEOUT_MS)
            for _topic, code, *_rest in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(f"creating {topic}")
        finally:
            await admin.close()
