"""Settlers of one dead publish meet: all of them give the one whole receipt (P5)."""

from collections.abc import Sequence

import msgspec
import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.log.connection import Connection
from exchange.log.reader import ChunkCache, Reader
from exchange.log.topics import TopicPolicy, Topics
from exchange.log.writer import Writers
from exchange.publishing import ledger
from exchange.publishing.ledger import Keyed, Ledger, Place
from exchange.publishing.receipts import Accepted, Position
from kernel.database import Database
from kernel.ids import new_id

DEAD, OTHER, MINE = 2_000_000_001, 2_000_000_002, 2_000_000_003
NOTE = text(
    "INSERT INTO exchange.publish_intent (intent, digest, life, ends, created_at)"
    " VALUES (:intent, :digest, :life, :ends, now())"
)
TAKE = text("UPDATE exchange.publish_intent SET life = :life, receipt = :receipt WHERE intent = :i")
RECEIPT = text("SELECT receipt FROM exchange.publish_intent WHERE intent = :i")
WHOLE = Accepted(1, [Position(0, 5, 9), Position(1, 3, 4), Position(2, 7, 12)])
PART = Accepted(1, [Position(2, 7, 12)])


async def test_a_part_of_what_another_settler_appends_is_no_receipt(
    database: Database, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends are read one partition after another, and a transaction may commit in between.

    The settler that came later then saw the last partition of the other's batch alone: its client
    got a receipt for that, which also took the place of the whole one.
    """
    connection = Connection(endpoints.kafka_bootstrap, "test")
    place = Place(f"test.{new_id()}", 3)
    policy = TopicPolicy(replication_factor=1, min_insync_replicas=1, retention_ms=-1)
    await Topics(endpoints.kafka_bootstrap, connection, policy).ensure(place.topic, 3)
    keyed = Keyed(new_id().encode()[:16], b"digest")
    ends = msgspec.json.encode([0, 0, 0]).decode()
    async with database.transaction() as session:
        note = {"intent": keyed.intent, "digest": keyed.digest, "life": DEAD, "ends": ends}
        await session.execute(NOTE, note)

    async def other_was_first(
        _reader: Reader, _topic: str, intent: bytes, _starts: Sequence[int], _ends: Sequence[int]
    ) -> Accepted:
        async with database.transaction() as session:
            taken = {"life": OTHER, "receipt": WHOLE.text(), "i": intent}
            await session.execute(TAKE, taken)
        return PART

    monkeypatch.setattr(ledger, "find_batch", other_was_first)
    reader = Reader(connection, ChunkCache(1024 * 1024))
    book = Ledger(database, reader, Writers(connection), lambda _life: None)
    assert await book.claim(keyed, MINE, place) == WHOLE
    await book.close()
    async with database.reading() as reading:
        kept = (await reading.execute(RECEIPT, {"i": keyed.intent})).scalar_one()
    assert kept == WHOLE.text()
    await connection.close()
