"""Refusals are kept, a bounded number of them, whatever the database does meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from deploy.local.stack import Endpoints
from kernel import refusals
from kernel.actor import Actor
from kernel.database import Database
from kernel.ids import new_id
from kernel.refusals import ROWS_PER_MINUTE, Refusal, Refusals
from kernel.tables import RefusalRow
from tests.support.databases import own_database

MINUTE = datetime(2026, 3, 2, 10, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, 4) as database:
        yield database


def refusal(who: str, code: str = "not_found", seconds: float = 1.0) -> Refusal:
    return Refusal(
        at=MINUTE + timedelta(seconds=seconds),
        correlation_id=new_id(),
        actor=Actor("client", who, "11450000MB0000019D"),
        region_code="450000",
        method="GET",
        path="/v1/subscriptions/x/records",
        code=code,
        status=404,
        facts={},
        source="192.0.2.7",
    )


async def rows_of(database: Database, who: str) -> list[RefusalRow]:
    async with database.reading() as session:
        query = select(RefusalRow).where(RefusalRow.actor_id == who)
        return list((await session.exec(query.order_by(col(RefusalRow.id)))).all())


async def test_a_refusal_is_kept_with_its_source(own: Database) -> None:
    """Twenty foreign pulls and wrong secrets left nothing, no source address anywhere (E8)."""
    who, kept = new_id(), Refusals(own)
    noted = refusal(who)
    assert kept.note(noted)
    await kept.flush()
    [row] = await rows_of(own, who)
    assert (row.correlation_id, row.source, row.count) == (noted.correlation_id, "192.0.2.7", 1)
    assert row.path == "/v1/subscriptions/x/records"


async def test_many_workers_keep_sixty_a_minute_and_count_the_rest(own: Database) -> None:
    who = new_id()
    workers = [Refusals(own) for _ in range(3)]
    for number in range(50):
        for worker in workers:
            worker.note(refusal(who, seconds=number))
        worker.note(refusal(who, code="role_required", seconds=number))
    await asyncio.gather(*(worker.flush() for worker in workers))
    rows = [row for row in await rows_of(own, who) if row.code == "not_found"]
    assert len(rows) == ROWS_PER_MINUTE
    assert sum(row.count for row in rows) == 150
    assert [row.count for row in rows[:-1]] == [1] * (ROWS_PER_MINUTE - 1)


async def test_one_worker_counts_beyond_sixty_without_keeping_them(own: Database) -> None:
    who, kept = new_id(), Refusals(own)
    assert [kept.note(refusal(who)) for _ in range(100)] == [True] * 60 + [False] * 40
    await kept.flush()
    kept.note(refusal(who))
    await kept.flush()
    rows = await rows_of(own, who)
    assert len(rows) == ROWS_PER_MINUTE
    assert sum(row.count for row in rows) == 101
    assert kept.note(refusal(who, seconds=61))


async def test_what_could_not_be_written_waits_bounded(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "WAITING_MAX", 3)
    who, kept = new_id(), Refusals(own)
    for _ in range(2):
        kept.note(refusal(who))
    with monkeypatch.context() as broken:
        broken.setattr(refusals, "_write", _fail)
        with pytest.raises(TimeoutError):
            await kept.flush()
    for _ in range(4):
        kept.note(refusal(who))
    await kept.flush()
    rows = await rows_of(own, who)
    assert len(rows) == 3
    assert sum(row.count for row in rows) == 6


async def _fail(*_given: object) -> None:
    raise TimeoutError


async def test_old_refusals_are_forgotten_in_batches(own: Database) -> None:
    who, kept = new_id(), Refusals(own)
    for number in range(50):
        kept.note(refusal(who, seconds=number))
    await kept.flush()
    async with own.transaction() as session:
        await session.execute(
            text("UPDATE kernel.refusal SET at = now() WHERE actor_id <> :who").bindparams(who=who)
        )
        now = MINUTE + timedelta(days=190, seconds=20)
        assert await refusals.forget_old(session, now, days=190) == 20
    assert len(await rows_of(own, who)) == 30
