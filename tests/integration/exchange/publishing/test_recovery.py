"""After a restore to an earlier moment no keyed retry stores a second copy (P5, P12)."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.log.accepted import Accepted, Kept, PositionRange
from exchange.log.connection import Connection
from exchange.log.headers import BatchFacts
from exchange.log.produce import Slice
from exchange.log.writer import Writers, transactional_id
from exchange.publishing import recovery
from exchange.publishing.errors import Recovering
from exchange.publishing.ledger import Keyed, Layout, Ledger
from exchange.publishing.recovery import content_digest
from kernel import clock, generation
from kernel.database import Database
from kernel.errors import IdempotencyKeyReused
from kernel.ids import new_id
from tests.integration.exchange.publishing.test_settling import ledger_of, new_layout, new_life
from tests.support.appending import AppendingLog
from tests.support.databases import own_database

MINE = 2_000_000_003
BODY = hashlib.sha256(b"body").digest()
FORGET = text("DELETE FROM exchange.publish_intent WHERE created_at > :moment")


@pytest.fixture
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    """Its generation is raised: no other test may live in it."""
    async with own_database(endpoints.database_url, pool_size=6) as opened:
        yield opened


@pytest.fixture
async def connection(endpoints: Endpoints) -> AsyncIterator[Connection]:
    opened = Connection(endpoints.kafka_bootstrap, "test")
    yield opened
    await opened.close()


@pytest.fixture
async def layout(endpoints: Endpoints, connection: Connection) -> Layout:
    return await new_layout(endpoints, connection, 2)


def key(op: str = "upsert") -> Keyed:
    digest = content_digest(op.encode(), BODY)
    return Keyed(bytes.fromhex(new_id()), digest, digest)


async def publish(
    connection: Connection,
    layout: Layout,
    keyed: Keyed,
    partitions: tuple[int, ...] = (0,),
    value: bytes | None = b"{}",
    quarantine: str | None = None,
) -> None:
    """Leave a batch of two records in each partition, as the lost database knew it."""
    for partition in partitions:
        producer = await Writers(connection).enter(transactional_id(new_life()))
        facts = BatchFacts(3, 2, BODY, "client", "correlation", keyed.intent, quarantine)
        part = Slice([b"a", b"b"], [value, value], facts.headers())
        await AppendingLog(connection, layout.topic, partition, producer).append([part])


async def restore(database: Database, moment: datetime) -> None:
    """Bring the ledger back to a moment, and declare it."""
    async with database.transaction() as session:
        await session.execute(FORGET.bindparams(moment=moment))
        await generation.raise_generation(session, "a drill", restored_to=moment)


async def test_a_key_that_the_restored_database_has_forgotten_is_found_in_the_log(
    database: Database, connection: Connection, layout: Layout
) -> None:
    """Dump, publish K1, restore, publish K1: there were two copies."""
    before = clock.now()
    first = ledger_of(database, connection)
    known = key()
    assert await first.claim(known, MINE, layout) is None
    await publish(connection, layout, known)
    first.keep(known.intent, Accepted(3, [PositionRange(0, 0, 1)]))
    await first.close()
    await restore(database, before)
    book = ledger_of(database, connection)
    assert await book.claim(known, MINE, layout) == Accepted(3, [PositionRange(0, 0, 1)])
    assert await book.claim(key(), MINE, layout) is None
    other_body = Keyed(known.intent, b"other", b"other")
    with pytest.raises(IdempotencyKeyReused):
        await book.claim(other_body, MINE, layout)
    await book.close()


async def test_batches_over_partitions_deletes_and_quarantine_are_recovered_whole(
    database: Database, connection: Connection, layout: Layout
) -> None:
    before = clock.now()
    spanning, deletion, partial = key(), key("delete"), key()
    await publish(connection, layout, spanning, partitions=(0, 1))
    await publish(connection, layout, deletion, value=None)
    await publish(connection, layout, partial, quarantine="b" * 32 + " 4 5")
    await restore(database, before)
    book = ledger_of(database, connection)
    whole = Accepted(3, [PositionRange(0, 0, 1), PositionRange(1, 0, 1)])
    assert await book.claim(spanning, MINE, layout) == whole
    assert await book.claim(deletion, MINE, layout) == Accepted(3, [PositionRange(0, 2, 3)])
    asked = content_digest(b"upsertquarantine", BODY)
    again = Keyed(partial.intent, asked, partial.in_log)
    left_out = Kept("b" * 32, 4, 5)
    assert await book.claim(again, MINE, layout) == Accepted(3, [PositionRange(0, 4, 5)], left_out)
    wrong = Keyed(deletion.intent, key().digest, key().digest)
    with pytest.raises(IdempotencyKeyReused):
        await book.claim(wrong, MINE, layout)
    await book.close()


async def test_what_the_restored_database_knows_itself_stays_as_it_is(
    database: Database, connection: Connection, layout: Layout
) -> None:
    known, before = key(), clock.now()
    first = ledger_of(database, connection)
    assert await first.claim(known, MINE, layout) is None
    await publish(connection, layout, known)
    told = Accepted(3, [PositionRange(0, 0, 1)])
    first.keep(known.intent, told)
    await first.close()
    async with database.transaction() as session:
        await generation.raise_generation(session, "a drill", restored_to=before)
    book = ledger_of(database, connection)
    assert await book.claim(known, MINE, layout) == told
    await book.close()


async def test_a_reading_that_takes_long_goes_on_while_retries_are_put_off(
    database: Database,
    connection: Connection,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, known = clock.now(), key()
    await publish(connection, layout, known)
    await restore(database, before)
    monkeypatch.setattr(recovery, "WAIT_SECONDS", 0.0)
    book: Ledger = ledger_of(database, connection)
    with pytest.raises(Recovering) as put_off:
        await book.claim(known, MINE, layout)
    assert put_off.value.retry_after_seconds
    monkeypatch.setattr(recovery, "WAIT_SECONDS", 60.0)
    assert await book.claim(known, MINE, layout) == Accepted(3, [PositionRange(0, 0, 1)])
    await book.close()
