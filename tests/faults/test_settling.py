"""Whoever settles a dead worker's publish must see all of the log, and all of its writers (P5)."""

import asyncio
from collections import Counter

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text

from deploy.local.stack import Endpoints, Stack
from exchange.log.topics import topic_of
from kernel.database import Database
from kernel.ids import new_id
from tests.support.callers import ndjson
from tests.support.doors import die_on_the_wire, door, frozen, in_the_log, records
from tests.support.processes import Running
from tests.support.world import World

OPEN_SECONDS = 3.0
NOTE = "INSERT INTO exchange.publish_intent%"


@pytest.mark.slow
async def test_a_note_that_lands_late_does_not_hold_its_key_for_ever(
    world: World, mortal: Running, stack: Stack, database: Database
) -> None:
    """The session that notes publishes freezes, is given up, and writes the note when it wakes.

    Nobody appends for that note, and its worker lives: every retry waited for nothing.
    """
    sharing = await world.sharing()
    body = ndjson(records("late", 5))
    async with door(mortal.base_url, sharing) as at:
        await at.insist(ndjson(records("before", 5)), "warm")
        with frozen(await noting_session(database)):
            refused = await at.publish(body, "late")
            assert refused.status_code == 503, refused.text
            await asyncio.sleep(1)
        async with asyncio.timeout(15):
            accepted = await at.insist(body, "late")
    assert accepted.json()["accepted"] == 5


@pytest.mark.slow
async def test_a_batch_behind_an_open_transaction_is_found_by_who_settles_it(
    world: World,
    platform: Running,
    mortal: Running,
    stack: Stack,
    endpoints: Endpoints,
    database: Database,
) -> None:
    """Committed readers are shown nothing behind an open transaction, and the batch was there.

    The settler took their end of the log for the end, found nothing and appended once more.
    """
    sharing = await world.sharing()
    body = ndjson(records("once", 5))
    producer = AIOKafkaProducer(
        bootstrap_servers=endpoints.kafka_bootstrap, transactional_id=f"neighbour-{new_id()}"
    )
    await producer.start()
    try:
        async with door(mortal.base_url, sharing) as doomed:
            await doomed.insist(ndjson(records("before", 5)), "warm")
            await producer.begin_transaction()
            await producer.send_and_wait(topic_of(sharing.resource), b"{}", key=b"neighbour")
            await die_on_the_wire([doomed], mortal, stack, database, body)
        async with door(platform.base_url, sharing) as living:
            asking = [asyncio.create_task(living.insist(body, "once")) for _ in range(3)]
            await asyncio.sleep(OPEN_SECONDS)
            await producer.abort_transaction()
            answers = await asyncio.gather(*asking)
    finally:
        await producer.stop()
    assert len({answer.json()["receipt_id"] for answer in answers}) == 1
    counts = Counter(await in_the_log(endpoints, sharing.resource))
    assert set(counts.values()) == {1}, counts
    assert len(counts) == 10


async def noting_session(database: Database) -> int:
    """Return the pid of the session that noted a publish last."""
    query = text(
        "SELECT pid FROM pg_stat_activity WHERE query LIKE :note ORDER BY query_start DESC"
    )
    async with database.reading() as session:
        found = await session.execute(query.bindparams(note=NOTE))
        return int(found.scalars().first() or 0)
