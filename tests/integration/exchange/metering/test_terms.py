"""What is past its term is forgotten in batches, whatever has gathered (E9)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints
from exchange.metering.terms import forget_counts
from exchange.publishing import store as intents
from kernel import batches
from kernel.database import Database
from tests.support.databases import own_database

NOW = datetime(2026, 7, 10, tzinfo=UTC)
COUNTS = """
    INSERT INTO exchange.read_count (subscription_id, client_id, minute, department, pages,
        records, bytes, sealed)
    SELECT 's' || n, 'c', TIMESTAMPTZ '2026-07-01 00:00Z', 'd', 1, 1, 1, n <> 7
    FROM generate_series(1, 12) AS n
"""
INTENTS = """
    INSERT INTO exchange.publish_intent (intent, digest, life, ends, created_at)
    SELECT decode(lpad(to_hex(n), 4, '0'), 'hex'), 'x', 1, '', TIMESTAMPTZ '2026-07-01 00:00Z'
    FROM generate_series(1, 12) AS n
"""


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, 2) as database:
        yield database


async def count(database: Database, table: str) -> int:
    async with database.reading() as session:
        found = await session.execute(text(f"SELECT count(*) FROM exchange.{table}"))  # noqa: S608
        return int(found.scalar_one())


async def test_sealed_counts_have_a_term(own: Database) -> None:
    """Counts, 43 million rows a day, were never forgotten."""
    async with own.transaction() as session:
        await session.execute(text(COUNTS))
    async with own.transaction() as session:
        assert await forget_counts(session, NOW) == 11
    assert await count(own, "read_count") == 1


async def test_a_backlog_is_forgotten_batch_by_batch(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One DELETE under 15 s: once too large, it would never have come through again."""
    monkeypatch.setattr(batches.delete_some, "__kwdefaults__", {"most": 5})
    async with own.transaction() as session:
        await session.execute(text(INTENTS))
    deleted = []
    for _ in range(4):
        async with own.transaction() as session:
            deleted.append(await intents.forget_old(session, NOW))
    assert deleted == [5, 5, 2, 0]
