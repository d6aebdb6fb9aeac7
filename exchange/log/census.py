"""How many brokers and partitions the cluster has, and which of those nobody leads."""

from dataclasses import dataclass

from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.topics import PREFIX

# So many partitions without a leader are named.
NAMED_MAX = 100


@dataclass(frozen=True, slots=True)
class Census:
    brokers: int
    partitions: int
    without_leader: int
    named: tuple[str, ...]


async def census(connection: Connection) -> Census:
    """Ask any broker; raises BrokerUnavailable."""
    try:
        answer = await connection.ask_any(MetadataRequest(None, False))  # noqa: FBT003
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable from error
    partitions = [
        (topic, partition[1], partition[2])
        for _code, topic, _internal, partitions in answer.topics
        if topic.startswith(PREFIX)
        for partition in partitions
    ]
    lost = [f"{topic}-{number}" for topic, number, leader in sorted(partitions) if leader < 0]
    return Census(len(answer.brokers), len(partitions), len(lost), tuple(lost[:NAMED_MAX]))
