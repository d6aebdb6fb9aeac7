"""Counts of publishes and reads become audit events by the minute, exactly one each (P8)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select

import kernel.clock
from auth.principal import Principal
from exchange.publishing.counts import Counts
from exchange.sealing import SETTLED_SECONDS, seal_counts
from kernel import audit
from kernel.database import Database
from kernel.ids import new_id
from kernel.tables import AuditRow
from tests.support.sharing import person

MINUTE = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
OVER = MINUTE + timedelta(seconds=60 + SETTLED_SECONDS + 1)
CALLER: Principal = person("11450000MB0000019D")


class Clock:
    """The time of a worker, as the test sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = MINUTE
        monkeypatch.setattr(kernel.clock, "now", lambda: self.at)


@pytest.fixture
async def clean(own: Database) -> AsyncIterator[Database]:
    yield own
    async with own.transaction() as session:
        for table in ("publish_count", "read_count", "daily_use"):
            await session.execute(text(f"DELETE FROM exchange.{table}"))  # noqa: S608


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def seal(own: Database, now: datetime = OVER) -> int:
    async with own.transaction() as session:
        return await seal_counts(session, now)


async def sealed(own: Database, subject: str) -> list[dict[str, Any]]:
    async with own.reading() as session:
        query = select(AuditRow).where(col(AuditRow.subject_id) == subject)
        rows = (await session.exec(query)).all()
    assert all((row.actor_id, row.actor_kind) == (CALLER.id, "client") for row in rows)
    return sorted((row.details for row in rows), key=lambda told: int(told["records"]))


async def test_each_minute_becomes_one_event(clean: Database, clock: Clock) -> None:
    worker, resource, subscription = Counts(clean, 1.0), new_id(), new_id()
    for _ in range(3):
        worker.published(CALLER, resource, 10, 1000)
        worker.read(CALLER, subscription, 5, 500)
        await worker.flush()
    assert await seal(clean) == 2
    assert await seal(clean) == 0
    minute = str(MINUTE)
    [published] = await sealed(clean, resource)
    assert published == {"minute": minute, "records": 30, "bytes": 3000, "batches": 3}
    [read] = await sealed(clean, subscription)
    assert read == {"minute": minute, "records": 15, "bytes": 1500, "pages": 3}


async def test_a_minute_that_is_not_over_waits(clean: Database, clock: Clock) -> None:
    worker, resource = Counts(clean, 1.0), new_id()
    worker.published(CALLER, resource, 1, 1)
    await worker.flush()
    for seconds in (0, 59, 60, 60 + SETTLED_SECONDS):
        assert await seal(clean, MINUTE + timedelta(seconds=seconds)) == 0
    assert await sealed(clean, resource) == []
    assert await seal(clean) == 1


async def test_minutes_are_told_apart_and_so_are_clients(clean: Database, clock: Clock) -> None:
    worker, resource = Counts(clean, 1.0), new_id()
    worker.published(CALLER, resource, 1, 1)
    clock.at += timedelta(minutes=1)
    await worker.flush()
    worker.published(CALLER, resource, 2, 2)
    await worker.flush()
    assert await seal(clean, OVER + timedelta(minutes=1)) == 2
    told = await sealed(clean, resource)
    assert [event["records"] for event in told] == [1, 2]
    assert len({event["minute"] for event in told}) == 2


async def test_counts_of_all_workers_are_one_event(clean: Database, clock: Clock) -> None:
    resource, workers = new_id(), [Counts(clean, 1.0) for _ in range(6)]
    for worker in workers:
        worker.published(CALLER, resource, 7, 70)
    await asyncio.gather(*(worker.flush() for worker in workers))
    assert await seal(clean) == 1
    [event] = await sealed(clean, resource)
    assert (event["records"], event["batches"]) == (42, 6)


async def test_two_workers_that_seal_at_once_seal_once(clean: Database, clock: Clock) -> None:
    worker = Counts(clean, 1.0)
    resources = [new_id() for _ in range(40)]
    for resource in resources:
        worker.published(CALLER, resource, 1, 1)
    await worker.flush()
    done = await asyncio.gather(*(seal(clean) for _ in range(6)))
    assert sum(done) == len(resources)
    for resource in resources:
        assert len(await sealed(clean, resource)) == 1
    async with clean.snapshot() as session:
        assert (await audit.verify(session)).faults == ()


async def test_late_counts_open_the_minute_again(clean: Database, clock: Clock) -> None:
    """A worker that was frozen for minutes still has its say: the new sums replace the old."""
    early, late, resource = Counts(clean, 1.0), Counts(clean, 1.0), new_id()
    early.published(CALLER, resource, 1, 10)
    late.published(CALLER, resource, 2, 20)
    await early.flush()
    assert await seal(clean) == 1
    await late.flush()
    assert await seal(clean) == 1
    told = await sealed(clean, resource)
    assert [event["records"] for event in told] == [1, 3]
    assert await seal(clean) == 0


async def test_counts_that_come_while_they_are_sealed_are_not_lost(
    clean: Database, clock: Clock
) -> None:
    resource, worker = new_id(), Counts(clean, 1.0)
    total = 0
    for round_ in range(10):
        worker.published(CALLER, resource, round_ + 1, 1)
        total += round_ + 1
        await asyncio.gather(worker.flush(), seal(clean))
    await seal(clean)
    assert (await sealed(clean, resource))[-1]["records"] == total


async def test_counts_wait_for_a_database_that_is_away(clean: Database, clock: Clock) -> None:
    away = Database("postgresql://127.0.0.1:1/nowhere", pool_size=2)
    resource, worker = new_id(), Counts(away, 1.0)
    worker.published(CALLER, resource, 1, 1)
    await worker.flush()
    worker.published(CALLER, resource, 2, 2)
    await worker.flush()
    worker._database = clean
    await worker.flush()
    await away.close()
    assert await seal(clean) == 1
    [event] = await sealed(clean, resource)
    assert (event["records"], event["batches"]) == (3, 2)


async def test_a_stopping_worker_flushes_what_it_counted(clean: Database, clock: Clock) -> None:
    resource, worker = new_id(), Counts(clean, 3600.0)
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    worker.published(CALLER, resource, 4, 4)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await seal(clean) == 1
    assert [event["records"] for event in await sealed(clean, resource)] == [4]
