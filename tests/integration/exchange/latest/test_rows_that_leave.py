"""A row that leaves a filter is told, one never shown is not: a function of the log (A6, P6)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from deploy.local.stack import Endpoints
from exchange.log.topics import topic_of
from tests.support.callers import Pulled, Refused
from tests.support.problems import problem
from tests.support.world import Sharing, World

Json = dict[str, Any]
ITEMS = ({"name": "id", "key": True}, {"name": "region"})
NANNING = [{"item": "region", "op": "eq", "value": "450100"}]


async def put(sharing: Sharing, **regions: str) -> None:
    """Publish records, each in a batch of its own."""
    for key, region in regions.items():
        await sharing.publisher.publish(sharing.resource, [{"id": key, "region": region}])


async def drop(sharing: Sharing, *keys: str) -> None:
    for key in keys:
        await sharing.publisher.publish(sharing.resource, [{"id": key}], op="delete")


async def told(sharing: Sharing, cursor: str | None = None, limit: int = 10_000) -> list[str]:
    """Return op and key of every line from a cursor on, page by page."""
    pages = [await sharing.subscriber.pull(sharing.subscription, cursor, limit=limit)]
    while pages[-1].records:
        pages.append(
            await sharing.subscriber.pull(sharing.subscription, pages[-1].cursor, limit=limit)
        )
    return [f"{line['op']} {line['key']}" for page in pages for line in page.records]


async def start(sharing: Sharing) -> str:
    path = f"/v1/subscriptions/{sharing.subscription}/rewind"
    rewound: Json = await sharing.subscriber.ask("POST", path, {"to": "earliest"})
    return str(rewound["cursor"])


@pytest.mark.parametrize("partitions", [1, 2])
async def test_leaving_is_told_once_and_nothing_of_rows_never_shown(
    world: World, partitions: int
) -> None:
    """k2 was told as deleted though it never was shown; k1's copy stayed at the consumer."""
    sharing = await world.sharing(ITEMS, partitions=partitions, row_filter=NANNING)
    await put(sharing, k1="450100", k2="450200", k3="450100")
    await drop(sharing, "k2", "k2", "nobody")
    await put(sharing, k1="450200")
    await put(sharing, k1="450300")
    await drop(sharing, "k1", "k3", "k3")
    await put(sharing, k2="450100")
    expected = sorted(
        ["upsert k1", "upsert k3", "delete k1", "delete k3", "upsert k2"],
    )
    cursor = await start(sharing)
    first = await told(sharing, cursor)
    assert sorted(first) == expected
    for limit in (1, 2, 3, 10_000):
        assert await told(sharing, cursor, limit) == first
    page = await sharing.subscriber.pull(sharing.subscription, cursor)
    assert "nobody" not in page.answer.text
    again = await sharing.subscriber.pull(sharing.subscription, cursor)
    assert again.answer.content == page.answer.content


async def lose(endpoints: Endpoints, sharing: Sharing, before: Mapping[int, int]) -> None:
    """Delete what lies before an offset of each partition, as retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    topic = topic_of(sharing.resource)
    try:
        await admin.delete_records(
            {TopicPartition(topic, p): RecordsToDelete(offset) for p, offset in before.items()}
        )
    finally:
        await admin.close()


async def test_a_predecessor_that_retention_took_still_decides(
    world: World, endpoints: Endpoints
) -> None:
    sharing = await world.sharing(ITEMS, row_filter=NANNING)
    await put(sharing, shown="450100", hidden="450200")
    assert await told(sharing) == ["upsert shown"]
    gone = await sharing.publisher.publish(sharing.resource, [{"id": "x", "region": "450200"}])
    await lose(endpoints, sharing, {0: gone["positions"][0]["last_offset"] + 1})
    await put(sharing, shown="450200", hidden="450300")
    assert await told(sharing) == ["delete shown"]
    assert await told(sharing, await start(sharing)) == ["delete shown"]


async def test_what_was_lost_before_anybody_folded_it_keeps_such_a_filter_from_being_agreed_to(
    world: World, endpoints: Endpoints
) -> None:
    """Nobody could say what the lost records were; a filter on the key needs none of it."""
    sharing = await world.sharing(ITEMS)
    await put(sharing, k1="450100")
    gone = await sharing.publisher.publish(sharing.resource, [{"id": "k2", "region": "450200"}])
    await lose(endpoints, sharing, {0: gone["positions"][0]["last_offset"] + 1})
    ask = (sharing.resource, sharing.consumer, sharing.subscriber)
    with pytest.raises(Refused) as refused:
        await world.subscription(*ask, row_filter=NANNING)
    # The first asking begins to fold, and whether that was done in time is the machine's matter.
    while "retry-after" in refused.value.answer.headers:
        problem(refused.value.answer, 409, "state_incomplete")
        with pytest.raises(Refused) as refused:
            await world.subscription(*ask, row_filter=NANNING)
    problem(refused.value.answer, 409, "state_incomplete")
    await world.subscription(*ask, row_filter=[{"item": "id", "op": "prefix", "value": "k"}])


async def test_what_others_wrote_is_nobodys_predecessor(world: World, endpoints: Endpoints) -> None:
    sharing = await world.sharing(ITEMS, row_filter=NANNING)
    await put(sharing, k1="450100", k2="450200")
    ours = [("exchange-version", b"1"), ("exchange-count", b"1")]
    foreign = [
        (b"k1", b'{"id":"k1","region":"450200"}', []),
        (b"k2", b'{"id":"k2","region":"450100"}', []),
        (b"k1", b'{"id":', ours),
        (b"k2", b"\xff", ours),
    ]
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.kafka_bootstrap)
    await producer.start()
    try:
        for key, value, headers in foreign:
            topic = topic_of(sharing.resource)
            await producer.send_and_wait(topic, value, key=key, partition=0, headers=headers)
    finally:
        await producer.stop()
    await drop(sharing, "k1", "k2")
    assert await told(sharing) == ["upsert k1", "delete k1"]


async def test_a_waiting_poll_hears_of_a_row_that_leaves(world: World) -> None:
    sharing = await world.sharing(ITEMS, row_filter=NANNING)
    await put(sharing, k1="450100")
    end = (await sharing.subscriber.pull_all(sharing.subscription)).cursor
    poll = asyncio.create_task(sharing.subscriber.pull(sharing.subscription, end, wait=25))
    await put(sharing, other="450200", k1="450200")
    page: Pulled = await asyncio.wait_for(poll, 20)
    assert [(line["op"], line["key"]) for line in page.records] == [("delete", "k1")]
