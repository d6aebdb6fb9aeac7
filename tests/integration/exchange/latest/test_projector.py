"""The projector: shared by processes, taken over from dead ones, harmless when it repeats."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.latest import store
from exchange.latest.projector import Projector
from exchange.latest.store import LEASE_SECONDS
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.headers import BatchFacts
from exchange.log.reader import Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.topics import topic_of
from exchange.log.watch import Tail
from kernel import clock
from kernel.database import Database
from kernel.tasks import Loops
from tests.support import processes, sharing
from tests.support.databases import own_database
from tests.support.eventually import eventually

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=8) as opened:
        yield opened


@pytest.fixture
def mine(own: Database, settings: dict[str, str]) -> dict[str, str]:
    return {**settings, "SHUYUAN_DATABASE_URL": own.url}


@asynccontextmanager
async def projecting(own: Database, endpoints: Endpoints) -> AsyncIterator[None]:
    """A projector of this process, as a worker process has it."""
    reading, watching = (Connection(endpoints.kafka_bootstrap, name) for name in ("read", "watch"))
    cache = ChunkCache(1 << 24)
    tail = Tail(watching, cache)
    topic_ids = TopicIds(reading, cache.forget_topic)
    projector = Projector(own, Reader(reading, cache), tail, topic_ids)
    loops = Loops()
    loops.start("tail", tail.run)
    loops.start("waits", tail.end_waits)
    loops.start("projector", projector.run)
    loops.start("open-folds", projector.open_for_ever)
    try:
        yield
    finally:
        failed = loops.failed
        await loops.close()
        await reading.close()
        await watching.close()
    assert not failed


async def made_topic(endpoints: Endpoints, resource_id: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic_of(resource_id), 1, 1)])
    finally:
        await admin.close()


async def append(endpoints: Endpoints, resource_id: str, rows: Sequence[tuple[str, int]]) -> None:
    """Append records, each a batch of its own."""
    facts = list(BatchFacts(1, 1, bytes(32), "c", "i").headers())
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.kafka_bootstrap, linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic_of(resource_id),
                json.dumps({"id": key, "n": n}).encode(),
                key=key.encode(),
                headers=facts,
            )
            for key, n in rows
        ]
        for each in sent:
            await each
    finally:
        await producer.stop()


async def asked(own: Database, endpoints: Endpoints) -> str:
    """A resource with a topic, whose latest state is wanted."""
    resource_id = (await sharing.sharing(own)).resource_id
    await made_topic(endpoints, resource_id)
    async with own.transaction() as session:
        fold = text("DELETE FROM exchange.fold WHERE resource_id = :id")
        await session.execute(fold.bindparams(id=resource_id))
        await store.ask(session, [resource_id], clock.now())
    return resource_id


async def fold_of(own: Database, resource_id: str) -> Json:
    async with own.reading() as session:
        found = await session.execute(
            text("SELECT * FROM exchange.fold WHERE resource_id = :id AND current"),
            {"id": resource_id},
        )
        row = found.mappings().first()
    return dict(row) if row else {"folded_to": 0, "caught_up_at": None, "holder": None}


async def predecessors(own: Database, resource_id: str) -> list[tuple[int, int, int]]:
    """Return place, place before, and `n` of what stood before."""
    async with own.reading() as session:
        found = await session.execute(
            text(
                "SELECT place, before, value FROM exchange.predecessor WHERE fold_id ="
                " (SELECT id FROM exchange.fold WHERE resource_id = :id AND current)"
                " ORDER BY place"
            ),
            {"id": resource_id},
        )
        return [(place, before, json.loads(value)["n"]) for place, before, value in found]


def model(rows: Sequence[tuple[str, int]]) -> list[tuple[int, int, int]]:
    last: dict[str, tuple[int, int]] = {}
    expected = []
    for place, (key, n) in enumerate(rows):
        if key in last:
            expected.append((place, *last[key]))
        last[key] = (place, n)
    return expected


async def test_a_projector_that_is_killed_is_taken_over_and_nothing_is_lost_or_doubled(
    own: Database, endpoints: Endpoints, mine: dict[str, str], tmp_path: Path
) -> None:
    resource_id = await asked(own, endpoints)
    rows = [(f"k{n % 700}", n) for n in range(12_000)]
    await append(endpoints, resource_id, rows)

    async def begun() -> bool:
        return bool((await fold_of(own, resource_id))["folded_to"])

    async def caught_up() -> bool:
        return bool((await fold_of(own, resource_id))["folded_to"] == len(rows))

    with processes.worker(mine, tmp_path / "first.log") as first:
        await eventually(begun, within_seconds=60)
        first.process.kill()
        first.process.wait()
    killed = (await fold_of(own, resource_id))["holder"]
    with processes.worker(mine, tmp_path / "second.log"):

        async def taken_over() -> bool:
            return (await fold_of(own, resource_id))["holder"] not in (killed, None)

        # The second process has to start; the lease alone keeps it for LEASE_SECONDS.
        await eventually(taken_over, within_seconds=LEASE_SECONDS + 40)
        await eventually(caught_up, within_seconds=60)
    assert await predecessors(own, resource_id) == model(rows)
    assert "Traceback" not in (tmp_path / "second.log").read_text()


async def lose(endpoints: Endpoints, resource_id: str, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    try:
        place = TopicPartition(topic_of(resource_id), 0)
        await admin.delete_records({place: RecordsToDelete(before)})
    finally:
        await admin.close()


async def test_what_the_log_lost_is_forgotten_and_what_was_lost_unfolded_leaves_a_mark(
    own: Database, endpoints: Endpoints
) -> None:
    """Predecessors go with their successors; the latest state of what is lost stays."""
    resource_id = await asked(own, endpoints)
    rows = [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4)]
    await append(endpoints, resource_id, rows[:3])

    async def folded_to(end: int) -> bool:
        return bool((await fold_of(own, resource_id))["folded_to"] == end)

    async with projecting(own, endpoints):
        await eventually(lambda: folded_to(3), within_seconds=60)
    assert await predecessors(own, resource_id) == [(2, 0, 0)]
    await lose(endpoints, resource_id, 3)
    await append(endpoints, resource_id, rows[3:4])
    async with projecting(own, endpoints):

        async def trimmed() -> bool:
            return await predecessors(own, resource_id) == [(3, 1, 1)]

        await eventually(trimmed, within_seconds=60)
    assert (await fold_of(own, resource_id))["unbroken_from"] == 0
    await append(endpoints, resource_id, rows[4:])
    await lose(endpoints, resource_id, 5)
    await append(endpoints, resource_id, [("a", 5), ("a", 6)])

    async def caught_up() -> bool:
        async with own.reading() as session:
            return (await store.progress(session, resource_id)).caught_up

    async with projecting(own, endpoints):
        await eventually(lambda: folded_to(7), within_seconds=60)
        await eventually(caught_up, within_seconds=30)
    # Whether the record before the lost ones still stood is not known: only what follows is.
    assert (await fold_of(own, resource_id))["unbroken_from"] == 5
    assert (await predecessors(own, resource_id))[-1] == (6, 5, 5)
    assert 5 not in [place for place, _before, _n in await predecessors(own, resource_id)]
    async with own.reading() as session:
        assert not (await store.progress(session, resource_id)).complete


async def test_a_topic_made_anew_is_folded_anew(own: Database, endpoints: Endpoints) -> None:
    """Its offsets mean other records: those of the topic before are nobody's predecessors."""
    resource_id = await asked(own, endpoints)
    await append(endpoints, resource_id, [("a", 0), ("a", 1), ("b", 2)])

    async def folded_to(end: int) -> bool:
        return bool((await fold_of(own, resource_id))["folded_to"] == end)

    async with projecting(own, endpoints):
        await eventually(lambda: folded_to(3), within_seconds=60)
    before = await fold_of(own, resource_id)
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.kafka_bootstrap)
    await admin.start()
    await admin.delete_topics([topic_of(resource_id)])

    async def made_anew() -> bool:
        answer = await admin.create_topics([NewTopic(topic_of(resource_id), 1, 1)])
        [(_topic, code, *_rest)] = answer.topic_errors
        return bool(code == 0)

    await eventually(made_anew, within_seconds=30)
    await admin.close()
    await append(endpoints, resource_id, [("b", 3), ("b", 4), ("a", 5), ("c", 6)])
    async with projecting(own, endpoints):
        await eventually(lambda: folded_to(4), within_seconds=60)
    after = await fold_of(own, resource_id)
    assert after["id"] != before["id"]
    assert after["topic_id"] != before["topic_id"]
    assert await predecessors(own, resource_id) == [(1, 0, 3)]


async def test_a_fold_is_given_up_when_nobody_asked_for_it_for_long(own: Database) -> None:
    resource_id = (await sharing.sharing(own)).resource_id
    now = clock.now()
    async with own.transaction() as session:
        await store.ask(session, [resource_id], now)
        await store.retire_unasked(session, now)
        assert (await store.progress(session, resource_id)).complete
        await store.retire_unasked(session, now + timedelta(seconds=1))
        assert not (await store.progress(session, resource_id)).begun
    async with own.transaction() as session:
        while await store.forget_gone(session, now):
            pass
        left = await session.execute(
            text("SELECT count(*) FROM exchange.fold WHERE resource_id = :id"), {"id": resource_id}
        )
    assert left.scalar_one() == 0
