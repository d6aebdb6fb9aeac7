"""A topic is there, with its partitions and its policy, however often and by whom it is asked."""

import asyncio
import logging

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.topics import MESSAGE_MAX_BYTES, TopicPolicy, Topics, differences
from kernel.ids import new_id
from tests.integration.exchange.log.conftest import POLICY
from tests.support.processes import free_port


async def partitions(connection: Connection, topic: str) -> set[int]:
    client = await connection.client()
    [(_code, _topic, _internal, found)] = (await client.learn([topic])).topics
    return {partition for _code, partition, *_rest in found}


async def test_it_is_made_once_by_many_at_once(
    bootstrap: str, connection: Connection, topics: Topics
) -> None:
    topic = f"test.{new_id()}"
    connections = [Connection(bootstrap, f"maker-{number}") for number in range(4)]
    makers = [Topics(each, topics._policy) for each in connections]
    await asyncio.gather(*(maker.ensure(topic, 5) for maker in makers))
    await topics.ensure(topic, 5)
    assert await partitions(connection, topic) == set(range(5))
    for each in connections:
        await each.close()


async def test_it_is_kept_as_the_policy_says(bootstrap: str, connection: Connection) -> None:
    topic = f"test.{new_id()}"
    policy = TopicPolicy(replication_factor=1, min_insync_replicas=2, retention_ms=3_600_000)
    await Topics(connection, policy).ensure(topic, 1)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    [answer] = await admin.describe_configs([resource])
    await admin.close()
    [(*_about, entries)] = answer.resources
    found = {entry[0]: entry[1] for entry in entries}
    assert found["retention.ms"] == "3600000"
    assert found["message.timestamp.type"] == "LogAppendTime"
    assert found["max.message.bytes"] == str(MESSAGE_MAX_BYTES)
    assert found["cleanup.policy"] == "delete"
    # Not as the cluster's defaults have it: others may lose or drop what was acknowledged.
    assert found["unclean.leader.election.enable"] == "false"
    assert found["retention.bytes"] == "-1"
    assert found["message.timestamp.type"] == "LogAppendTime"
    # More copies in sync than copies there are would make the topic read-only.
    assert found["min.insync.replicas"] == "1"


async def test_a_topic_that_others_made_is_compared_and_the_difference_logged(
    bootstrap: str, connection: Connection, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    """It was taken as it was: a week's retention, or leaders that lack acknowledged records."""
    topic = f"test.{new_id()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    kept = topics._policy.configs() | {"retention.ms": "604800000"}
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=kept)])
    await admin.close()
    with caplog.at_level(logging.WARNING, "exchange.log.topics"):
        await topics.ensure(topic, 1)
    [line] = [record.getMessage() for record in caplog.records]
    assert f"retention.ms=604800000, not -1: {topic}" in line
    assert await differences(connection, [topic], POLICY) == [line.removeprefix("kafka: ")]


async def test_without_a_broker_it_is_not_available() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    connection = Connection(nowhere, "test")
    policy = TopicPolicy(replication_factor=1, min_insync_replicas=1, retention_ms=-1)
    with pytest.raises(BrokerUnavailable):
        await Topics(connection, policy).ensure("test", 1)
    with pytest.raises(BrokerUnavailable):
        await connection.leader("test", 0)
    assert not await connection.alive()
    await connection.close()
