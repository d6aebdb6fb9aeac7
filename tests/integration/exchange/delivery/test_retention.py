"""What the log no longer keeps: a clear answer, and one step past the gap (P6).

Records go by Kafka's own DeleteRecords, as retention takes them: at the front of a partition.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.log.topics import topic_of
from exchange.publishing.publish import INTENT_BYTES
from kernel import clock
from kernel.database import Database
from tests.support.callers import ndjson
from tests.support.problems import problem
from tests.support.world import Sharing, World

Json = dict[str, Any]


def records(prefix: str, count: int) -> list[Json]:
    return [{"id": f"{prefix}{n}", "name": f"名称{n}"} for n in range(count)]


async def lose(endpoints: Endpoints, sharing: Sharing, before: Mapping[int, int]) -> None:
    """Delete what lies before an offset of each partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    try:
        topic = topic_of(sharing.resource)
        await admin.delete_records(
            {TopicPartition(topic, p): RecordsToDelete(offset) for p, offset in before.items()}
        )
    finally:
        await admin.close()


async def beginning(sharing: Sharing) -> str:
    """Return a cursor at the earliest record, without a look at any."""
    path = f"/v1/subscriptions/{sharing.subscription}/rewind"
    told: Json = await sharing.subscriber.ask("POST", path, {"to": "earliest"})
    return str(told["cursor"])


async def commit(sharing: Sharing, cursor: str) -> None:
    path = f"/v1/subscriptions/{sharing.subscription}/position"
    await sharing.subscriber.ask("PUT", path, {"cursor": cursor})


def by_partition(receipt: Json) -> dict[int, tuple[int, int]]:
    return {p["partition"]: (p["first_offset"], p["last_offset"]) for p in receipt["positions"]}


async def half_lost(
    world: World, endpoints: Endpoints, partitions: int
) -> tuple[Sharing, str, Json]:
    """Two batches of which the first is lost; a cursor before it, the receipt of the second."""
    sharing = await world.sharing(partitions=partitions)
    await sharing.publisher.publish(sharing.resource, records("lost", 30))
    cursor = await beginning(sharing)
    second = await sharing.publisher.publish(sharing.resource, records("kept", 30))
    firsts = {p: first for p, (first, _last) in by_partition(second).items()}
    assert len(firsts) == partitions
    await lose(endpoints, sharing, firsts)
    return sharing, cursor, second


KEPT = sorted(record["id"] for record in records("kept", 30))


@pytest.mark.parametrize("partitions", [1, 3])
async def test_one_step_leads_past_the_whole_gap(
    world: World, endpoints: Endpoints, partitions: int
) -> None:
    """With several partitions each answer used to lead past the gap of one of them only."""
    sharing, cursor, _second = await half_lost(world, endpoints, partitions)
    answer = await sharing.subscriber.try_pull(sharing.subscription, cursor)
    gone = problem(answer, 410, "cursor_expired")
    assert gone["lost"] >= 30
    found = await sharing.subscriber.pull_all(sharing.subscription, gone["earliest_cursor"])
    assert sorted(record["key"] for record in found.records) == KEPT
    again = await sharing.subscriber.pull_all(sharing.subscription, gone["earliest_cursor"])
    assert again.records == found.records


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_stored_position_is_told_of_the_gap_until_it_is_moved(
    world: World, endpoints: Endpoints, partitions: int
) -> None:
    sharing, cursor, _second = await half_lost(world, endpoints, partitions)
    await commit(sharing, cursor)
    gone: Json = {}
    for _turn in range(2):
        answer = await sharing.subscriber.try_pull(sharing.subscription)
        gone = problem(answer, 410, "cursor_expired")
    await commit(sharing, gone["earliest_cursor"])
    found = await sharing.subscriber.pull_all(sharing.subscription)
    assert sorted(record["key"] for record in found.records) == KEPT


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_new_subscription_begins_with_what_is_kept(
    world: World, endpoints: Endpoints, partitions: int
) -> None:
    sharing, _cursor, _second = await half_lost(world, endpoints, partitions)
    found = await sharing.subscriber.pull_all(sharing.subscription)
    assert sorted(record["key"] for record in found.records) == KEPT


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_long_poll_does_not_wait_for_what_is_lost(
    world: World, endpoints: Endpoints, partitions: int
) -> None:
    sharing, cursor, _second = await half_lost(world, endpoints, partitions)
    began = time.monotonic()
    answer = await sharing.subscriber.try_pull(sharing.subscription, cursor, wait=25)
    problem(answer, 410, "cursor_expired")
    assert time.monotonic() - began < 22


async def test_records_lost_under_an_open_long_poll_end_it(
    world: World, endpoints: Endpoints
) -> None:
    """It either had them before they went, or says that they are gone; it never waits on."""
    sharing = await world.sharing()
    end = (await sharing.subscriber.pull(sharing.subscription)).cursor
    poll = asyncio.create_task(sharing.subscriber.try_pull(sharing.subscription, end, wait=28))
    await asyncio.sleep(0.3)
    receipt = await sharing.publisher.publish(sharing.resource, records("brief", 3))
    await lose(endpoints, sharing, {0: receipt["positions"][0]["last_offset"] + 1})
    answer = await asyncio.wait_for(poll, 20)
    assert answer.status_code in (200, 410)
    onward = (
        answer.headers["exchange-next-cursor"]
        if answer.status_code == 200
        else answer.json()["earliest_cursor"]
    )
    await sharing.publisher.publish(sharing.resource, records("after", 2))
    found = await sharing.subscriber.pull_all(sharing.subscription, onward)
    assert [record["key"] for record in found.records] == ["after0", "after1"]


async def test_a_gap_in_one_partition_leaves_the_others_where_they_were(
    world: World, endpoints: Endpoints
) -> None:
    sharing = await world.sharing(partitions=3)
    cursor = await beginning(sharing)
    receipt = await sharing.publisher.publish(sharing.resource, records("r", 30))
    _first, last = by_partition(receipt)[1]
    await lose(endpoints, sharing, {1: last + 1})
    gone = problem(
        await sharing.subscriber.try_pull(sharing.subscription, cursor), 410, "cursor_expired"
    )
    found = await sharing.subscriber.pull_all(sharing.subscription, gone["earliest_cursor"])
    lost = last - by_partition(receipt)[1][0] + 1
    assert len(found.records) == 30 - lost


async def test_a_lost_answer_is_settled_where_the_log_begins(
    world: World, endpoints: Endpoints, database: Database
) -> None:
    """A dead worker's publish is looked for from where it may lie, and that is gone by now.

    The look used to fail for ever, and with it every retry of the key.
    """
    sharing = await world.sharing()
    first = await sharing.publisher.publish(sharing.resource, records("old", 5))
    await lose(endpoints, sharing, {0: first["positions"][0]["last_offset"] + 1})
    body = ndjson(records("new", 5))
    name = f"{sharing.publisher.id}\n{sharing.resource}\nlate".encode()
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO exchange.publish_intent (intent, digest, life, ends, created_at)"
                " VALUES (:intent, :digest, 2000000000, '[0]', :now)"
            ),
            {
                "intent": hashlib.blake2b(name, digest_size=INTENT_BYTES).digest(),
                "digest": hashlib.sha256(b"upsert" + hashlib.sha256(body).digest()).digest(),
                "now": clock.now(),
            },
        )
    receipt = await sharing.publisher.publish(sharing.resource, body, key="late")
    assert receipt["accepted"] == 5
    assert await sharing.publisher.publish(sharing.resource, body, key="late") == receipt
