"""What a Kafka cluster says of its brokers and partitions, asked with a client of its own."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code

from deploy.local.kafka import PROBE_MILLISECONDS


@dataclass(frozen=True)
class PartitionState:
    """What the cluster says of a partition; `leader` -1 is none."""

    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


async def brokers_at(bootstrap: str) -> frozenset[int]:
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=PROBE_MILLISECONDS)
    try:
        await client.bootstrap()
        return frozenset(broker.nodeId for broker in client.cluster.brokers())
    except (KafkaError, OSError):
        return frozenset()
    finally:
        await client.close()


async def create(bootstrap: str, topic: NewTopic) -> None:
    admin = await _admin(bootstrap)
    try:
        answer = await admin.create_topics([topic])
        for _topic, code, *rest in answer.topic_errors:
            if code:
                raise for_code(code)(f"creating {topic.name}: {rest}")
    finally:
        await admin.close()


async def states_of(bootstrap: str, topic: str) -> dict[int, PartitionState]:
    admin = await _admin(bootstrap)
    try:
        async with asyncio.timeout(PROBE_MILLISECONDS / 1000):
            [told] = await admin.describe_topics([topic])
    except (KafkaError, OSError, TimeoutError):
        return {}
    finally:
        await admin.close()
    return {
        each["partition"]: PartitionState(
            each["leader"], tuple(each["replicas"]), tuple(each["isr"])
        )
        for each in told["partitions"]
    }


async def _admin(bootstrap: str) -> Any:  # noqa: ANN401 -- aiokafka is untyped
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=PROBE_MILLISECONDS)
    await admin.start()
    return admin
