"""Settlers of one dead publish meet: all of them give the one whole receipt (P5)."""

import asyncio
import time
from collections.abc import Sequence
from itertools import count

import msgspec
import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.log.accepted import Accepted, PositionRange
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.errors import WriterOver
from exchange.log.headers import BatchFacts
from exchange.log.produce import Slice
from exchange.log.reader import Reader
from exchange.log.topics import TopicPolicy, Topics
from exchange.log.writer import Writers, transactional_id
from exchange.publishing import ledger
from exchange.publishing.ledger import Keyed, Layout, Ledger
from exchange.publishing.recovery import Recovery
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.generation import Generations
from kernel.ids import new_id
from tests.support.appending import AppendingLog

DEAD, OTHER, MINE = 2_000_000_001, 2_000_000_002, 2_000_000_003
_LIVES = count(1_900_000_000 + time.time_ns() % 50_000_000)
NOTE = text(
    "INSERT INTO exchange.publish_intent (intent, digest, life, ends, created_at)"
    " VALUES (:intent, :digest, :life, :ends, now())"
)
TAKE = text("UPDATE exchange.publish_intent SET life = :life, receipt = :receipt WHERE intent = :i")
RECEIPT = text("SELECT receipt FROM exchange.publish_intent WHERE intent = :i")
WHOLE = Accepted(1, [PositionRange(0, 5, 9), PositionRange(1, 3, 4), PositionRange(2, 7, 12)])
PART = Accepted(1, [PositionRange(2, 7, 12)])


def new_life() -> int:
    """The number of a life that is over, and that no other test has used."""
    return next(_LIVES)


def ledger_of(database: Database, connection: Connection) -> Ledger:
    reader = Reader(connection, ChunkCache(1024 * 1024))
    feed = ChangeFeed(database.url, stale_seconds=5)
    recovery = Recovery(database, reader, Generations(database, feed))
    return Ledger(database, reader, Writers(connection), lambda _life: None, recovery)


def new_key() -> Keyed:
    return Keyed(bytes.fromhex(new_id()), b"digest", b"digest")


async def new_layout(endpoints: Endpoints, connection: Connection, partitions: int) -> Layout:
    layout = Layout(f"test.{new_id()}", partitions)
    policy = TopicPolicy(replication_factor=1, min_insync_replicas=1, retention_ms=-1)
    await Topics(connection, policy).ensure(layout.topic, partitions)
    return layout


async def leave_note(database: Database, keyed: Keyed, life: int, layout: Layout) -> None:
    """Note a publish as a worker does before it appends."""
    ends = msgspec.json.encode([0] * layout.partitions).decode()
    note = {"intent": keyed.intent, "digest": keyed.digest, "life": life, "ends": ends}
    async with database.transaction() as session:
        await session.execute(NOTE, note)


async def append(connection: Connection, layout: Layout, keyed: Keyed, life: int) -> AppendingLog:
    """Store one batch of this key as the writer of a life."""
    producer = await Writers(connection).enter(transactional_id(life))
    log = AppendingLog(connection, layout.topic, 0, producer)
    facts = BatchFacts(1, 2, b"d" * 32, "client", "correlation", keyed.intent)
    await log.append([Slice([b"a", b"b"], [b"{}", b"{}"], facts.headers())])
    return log


async def noted(database: Database, keyed: Keyed) -> bool:
    async with database.reading() as session:
        return (await session.execute(RECEIPT, {"i": keyed.intent})).first() is not None


async def test_fifty_settlers_of_one_dead_life_all_succeed(
    database: Database, endpoints: Endpoints
) -> None:
    """Each raised its own fence and overtook the others': seven of fifty came through."""
    life = new_life()
    connections = [Connection(endpoints.kafka_bootstrap, f"settler-{n}") for n in range(5)]
    layout = await new_layout(endpoints, connections[0], 1)
    keys = [new_key() for _ in range(50)]
    for keyed in keys:
        await leave_note(database, keyed, life, layout)
    dead = await append(connections[0], layout, keys[0], life)
    ledgers = [ledger_of(database, connection) for connection in connections]
    found = await asyncio.gather(
        *(ledgers[n % 5].claim(keyed, MINE, layout) for n, keyed in enumerate(keys))
    )
    assert found == [Accepted(1, [PositionRange(0, 0, 1)]), *([None] * 49)]
    with pytest.raises(WriterOver):
        await dead.append([Slice([b"late"], [b"{}"], [])])
    for book in ledgers:
        await book.close()
    for connection in connections:
        await connection.close()


async def test_a_claim_of_an_older_life_leaves_the_notes_of_the_living_one(
    database: Database, endpoints: Endpoints
) -> None:
    """It cleared them: a key whose append certainly failed was never freed."""
    connection = Connection(endpoints.kafka_bootstrap, "test")
    layout = await new_layout(endpoints, connection, 1)
    book = ledger_of(database, connection)
    mine, older = new_key(), new_key()
    assert await book.claim(mine, MINE, layout) is None
    assert await book.claim(older, OTHER, layout) is None
    book.withdraw(mine.intent, MINE)
    await book.close()
    assert not await noted(database, mine)
    assert await noted(database, older)
    await connection.close()


async def test_a_refused_retry_is_told_what_its_first_try_stored(
    database: Database, endpoints: Endpoints
) -> None:
    """A worker died between append and receipt, and a stricter version came: the retry is invalid.

    It heard that nothing was stored, while the batch was in the log.
    """
    life = new_life()
    connection = Connection(endpoints.kafka_bootstrap, "test")
    layout = await new_layout(endpoints, connection, 1)
    stored, never = new_key(), new_key()
    for keyed in (stored, never):
        await leave_note(database, keyed, life, layout)
    await append(connection, layout, stored, life)
    book = ledger_of(database, connection)
    assert await book.settled(stored, layout) == Accepted(1, [PositionRange(0, 0, 1)])
    assert await book.settled(never, layout) is None
    assert await book.settled(new_key(), layout) is None
    assert await book.settled(Keyed(stored.intent, b"other", b"other"), layout) is None
    assert await book.claim(never, MINE, layout) is None
    await book.close()
    await connection.close()


async def test_a_part_of_what_another_settler_appends_is_no_receipt(
    database: Database, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends are read one partition after another, and a transaction may commit in between.

    The settler that came later then saw the last partition of the other's batch alone: its client
    got a receipt for that, which also took the layout of the whole one.
    """
    connection = Connection(endpoints.kafka_bootstrap, "test")
    layout = await new_layout(endpoints, connection, 3)
    keyed = new_key()
    await leave_note(database, keyed, DEAD, layout)

    async def other_was_first(
        _reader: Reader, _topic: str, intent: bytes, _starts: Sequence[int], _ends: Sequence[int]
    ) -> Accepted:
        async with database.transaction() as session:
            taken = {"life": OTHER, "receipt": WHOLE.text(), "i": intent}
            await session.execute(TAKE, taken)
        return PART

    monkeypatch.setattr(ledger, "find_batch", other_was_first)
    book = ledger_of(database, connection)
    assert await book.claim(keyed, MINE, layout) == WHOLE
    await book.close()
    async with database.reading() as reading:
        kept = (await reading.execute(RECEIPT, {"i": keyed.intent})).scalar_one()
    assert kept == WHOLE.text()
    await connection.close()
