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
from exchange.log.accepted import Accepted, PositionRange
from exchange.log.chunks import Chunk
from exchange.metering.counts import Counts
from exchange.metering.evidence.trails import Delivered, Take
from exchange.sealing import SETTLED_SECONDS, seal_counts
from kernel import audit_check
from kernel.database import Database
from kernel.ids import new_id
from kernel.tables import AuditRow
from tests.support.sharing import person

MINUTE = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
OVER = MINUTE + timedelta(seconds=60 + SETTLED_SECONDS + 1)
DIGEST = b"\x01" * 32
EVIDENCE = ("digest", "spans", "delivered")
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


def publish(worker: Counts, resource: str, records: int, size_bytes: int, first: int = 0) -> None:
    """Count a batch of so many records from an offset on."""
    taken = Accepted(1, [PositionRange(0, first, first + records - 1)])
    worker.published(CALLER, resource, size_bytes, taken, DIGEST)


def read(worker: Counts, subscription: str, records: int, size_bytes: int, first: int = 0) -> None:
    """Count a page of so many records from an offset on."""
    chunk = Chunk(start=0, next_offset=100, end=100)
    digest = ("exchange-digest", DIGEST.hex().encode())
    chunk.headers += [(number, [digest]) for number in range(100)]
    takes = [Take(0, chunk, first, first + records)]
    worker.read(CALLER, Delivered(subscription, 1, 1, records, size_bytes, takes))


def counted(details: dict[str, Any]) -> dict[str, Any]:
    """Leave the evidence out."""
    return {key: value for key, value in details.items() if key not in EVIDENCE}


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
        publish(worker, resource, 10, 1000)
        read(worker, subscription, 5, 500)
        await worker.flush()
    assert await seal(clean) == 2
    assert await seal(clean) == 0
    minute = str(MINUTE)
    [published] = await sealed(clean, resource)
    assert counted(published) == {"minute": minute, "records": 30, "bytes": 3000, "batches": 3}
    [told] = await sealed(clean, subscription)
    assert counted(told) == {"minute": minute, "records": 15, "bytes": 1500, "pages": 3}


async def test_a_minute_that_is_not_over_waits(clean: Database, clock: Clock) -> None:
    worker, resource = Counts(clean, 1.0), new_id()
    publish(worker, resource, 1, 1)
    await worker.flush()
    for seconds in (0, 59, 60, 60 + SETTLED_SECONDS):
        assert await seal(clean, MINUTE + timedelta(seconds=seconds)) == 0
    assert await sealed(clean, resource) == []
    assert await seal(clean) == 1


async def test_minutes_are_told_apart_and_so_are_clients(clean: Database, clock: Clock) -> None:
    worker, resource = Counts(clean, 1.0), new_id()
    publish(worker, resource, 1, 1)
    clock.at += timedelta(minutes=1)
    await worker.flush()
    publish(worker, resource, 2, 2)
    await worker.flush()
    assert await seal(clean, OVER + timedelta(minutes=1)) == 2
    told = await sealed(clean, resource)
    assert [event["records"] for event in told] == [1, 2]
    assert len({event["minute"] for event in told}) == 2


async def test_counts_of_all_workers_are_one_event(clean: Database, clock: Clock) -> None:
    resource, workers = new_id(), [Counts(clean, 1.0) for _ in range(6)]
    for worker in workers:
        publish(worker, resource, 7, 70)
    await asyncio.gather(*(worker.flush() for worker in workers))
    assert await seal(clean) == 1
    [event] = await sealed(clean, resource)
    assert (event["records"], event["batches"]) == (42, 6)


async def test_two_workers_that_seal_at_once_seal_once(clean: Database, clock: Clock) -> None:
    worker = Counts(clean, 1.0)
    resources = [new_id() for _ in range(40)]
    for resource in resources:
        publish(worker, resource, 1, 1)
    await worker.flush()
    done = await asyncio.gather(*(seal(clean) for _ in range(6)))
    assert sum(done) == len(resources)
    for resource in resources:
        assert len(await sealed(clean, resource)) == 1
    async with clean.snapshot() as session:
        assert (await audit_check.verify(session)).faults == ()


async def test_late_counts_open_the_minute_again(clean: Database, clock: Clock) -> None:
    """A worker that was frozen for minutes still has its say: the new sums replace the old."""
    early, late, resource = Counts(clean, 1.0), Counts(clean, 1.0), new_id()
    publish(early, resource, 1, 10)
    publish(late, resource, 2, 20)
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
        publish(worker, resource, round_ + 1, 1)
        total += round_ + 1
        await asyncio.gather(worker.flush(), seal(clean))
    await seal(clean)
    assert (await sealed(clean, resource))[-1]["records"] == total


async def test_counts_wait_for_a_database_that_is_away(clean: Database, clock: Clock) -> None:
    away = Database("postgresql://127.0.0.1:1/nowhere", pool_size=2)
    resource, worker = new_id(), Counts(away, 1.0)
    publish(worker, resource, 1, 1)
    await worker.flush()
    publish(worker, resource, 2, 2)
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
    publish(worker, resource, 4, 4)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await seal(clean) == 1
    assert [event["records"] for event in await sealed(clean, resource)] == [4]


async def test_pages_of_two_workers_are_both_in_the_evidence(clean: Database, clock: Clock) -> None:
    one, other, subscription = Counts(clean, 1.0), Counts(clean, 1.0), new_id()
    read(one, subscription, 5, 50)
    read(other, subscription, 7, 70, first=5)
    read(one, subscription, 3, 30, first=12)
    await asyncio.gather(one.flush(), other.flush())
    await seal(clean)
    [event] = await sealed(clean, subscription)
    ranges = {trail["worker"]: trail["ranges"] for trail in event["delivered"]}
    assert ranges == {one.worker: [[0, 4], [12, 14]], other.worker: [[5, 11]]}
    assert event["records"] == 15


async def test_evidence_of_a_minute_grows_from_flush_to_flush(
    clean: Database, clock: Clock
) -> None:
    """A page is one range with the page before it, whichever flush came between."""
    often, once, subscription = Counts(clean, 1.0), Counts(clean, 1.0), new_id()
    for first in (0, 10, 20):
        read(often, subscription, 10, 100, first=first)
        await often.flush()
    read(once, subscription, 30, 300)
    await once.flush()
    await seal(clean)
    [event] = await sealed(clean, subscription)
    first, second = event["delivered"]
    assert first["ranges"] == second["ranges"] == [[0, 29]]
    assert first["digest"] == second["digest"]


async def test_a_kill_loses_only_what_was_not_flushed(clean: Database, clock: Clock) -> None:
    """A worker that starts again in the same minute stands beside the one that was killed."""
    killed, restarted, subscription = Counts(clean, 1.0), Counts(clean, 1.0), new_id()
    read(killed, subscription, 5, 50)
    await killed.flush()
    read(killed, subscription, 2, 20, first=5)
    read(restarted, subscription, 4, 40, first=5)
    await restarted.flush()
    await seal(clean)
    [event] = await sealed(clean, subscription)
    assert (event["records"], event["pages"]) == (9, 2)
    ranges = {trail["worker"]: trail["ranges"] for trail in event["delivered"]}
    assert ranges == {killed.worker: [[0, 4]], restarted.worker: [[5, 8]]}


async def test_evidence_is_told_apart_by_the_minute_and_then_forgotten(
    clean: Database, clock: Clock
) -> None:
    worker, subscription = Counts(clean, 1.0), new_id()
    read(worker, subscription, 5, 50)
    clock.at += timedelta(minutes=1)
    await worker.flush()
    read(worker, subscription, 2, 20, first=5)
    await worker.flush()
    assert len(worker._read) == 1
    await seal(clean, OVER + timedelta(minutes=1))
    told = await sealed(clean, subscription)
    assert [event["delivered"][0]["ranges"] for event in told] == [[[5, 6]], [[0, 4]]]
    clock.at += timedelta(minutes=1)
    await worker.flush()
    assert worker._read == {}


async def test_evidence_waits_for_a_database_that_is_away(clean: Database, clock: Clock) -> None:
    away = Database("postgresql://127.0.0.1:1/nowhere", pool_size=2)
    subscription, worker = new_id(), Counts(away, 1.0)
    read(worker, subscription, 5, 50)
    clock.at += timedelta(minutes=1)
    await worker.flush()
    await worker.flush()
    worker._database = clean
    await worker.flush()
    await away.close()
    assert await seal(clean, OVER + timedelta(minutes=1)) == 1
    [event] = await sealed(clean, subscription)
    assert event["delivered"][0]["ranges"] == [[0, 4]]


async def test_digests_of_publishes_add_up_over_workers(clean: Database, clock: Clock) -> None:
    one, other, resource = Counts(clean, 1.0), Counts(clean, 1.0), new_id()
    publish(one, resource, 10, 100)
    publish(other, resource, 5, 50, first=10)
    await asyncio.gather(one.flush(), other.flush())
    publish(one, resource, 5, 50, first=20)
    await one.flush()
    await seal(clean)
    [event] = await sealed(clean, resource)
    assert event["spans"] == [[0, 0, 24, 20]]
    assert event["digest"] == "03" * 32
