"""Counts reach the database once, in the minute and on the day of their records (P8)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

import kernel.clock
from auth.principal import Principal
from exchange.metering import count_store
from exchange.metering.counts import Counts
from exchange.metering.evidence.trails import Delivered
from kernel.database import Database, WriteSession
from kernel.ids import new_id
from kernel.workdays import local_date
from tests.support.eventually import eventually
from tests.support.sharing import person

# 23:59:50 in Shanghai.
LATE = datetime(2026, 7, 1, 15, 59, 50, tzinfo=UTC)
CALLER: Principal = person("11450000MB0000019D")


class Troubled(Database):
    """A database whose commits are lost on the way, whose pool is full, or that stands still."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=2)
        self.trouble = ""
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        trouble, self.trouble = self.trouble, ""
        if trouble == "full":
            raise PoolTimeout
        async with super().transaction() as session:
            yield session
            if trouble == "still":
                self.asked.set()
                await asyncio.Event().wait()
        if trouble == "lost":
            raise ConnectionResetError


@pytest.fixture
async def troubled(own: Database) -> AsyncIterator[Troubled]:
    opened = Troubled(own.url)
    yield opened
    await opened.close()


def read(worker: Counts, subscription: str, records: int) -> None:
    worker.read(CALLER, Delivered(subscription, 1, 1, records, 100, []))


async def stored(own: Database, subscription: str) -> int:
    query = text(
        "SELECT coalesce(sum(records), 0) FROM exchange.read_count WHERE subscription_id=:s"
    )
    async with own.reading() as session:
        return int((await session.execute(query.bindparams(s=subscription))).scalar_one())


async def used(own: Database, subscription: str, at: datetime) -> int:
    async with own.reading() as session:
        found = await count_store.used_by(session, [subscription], local_date(at))
    return found.get(subscription, 0)


async def test_a_commit_that_was_not_heard_of_is_not_counted_twice(
    own: Database, troubled: Troubled
) -> None:
    worker, subscription = Counts(troubled, 1.0), new_id()
    read(worker, subscription, 5)
    troubled.trouble = "lost"
    await worker.flush()
    read(worker, subscription, 2)
    await worker.flush()
    assert await stored(own, subscription) == 7
    assert await used(own, subscription, kernel.clock.now()) == 7


async def test_a_full_pool_does_not_end_the_flushing(own: Database, troubled: Troubled) -> None:
    """SQLAlchemy's own time-out once ended the loop: counts stopped, and memory grew."""
    worker, subscription = Counts(troubled, 0.01), new_id()
    read(worker, subscription, 5)
    troubled.trouble = "full"
    running = asyncio.create_task(worker.run())

    async def all_stored() -> bool:
        return await stored(own, subscription) == 5

    await eventually(all_stored)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_stop_amid_a_flush_loses_nothing(own: Database, troubled: Troubled) -> None:
    worker, subscription = Counts(troubled, 0.01), new_id()
    read(worker, subscription, 5)
    troubled.trouble = "still"
    running = asyncio.create_task(worker.run())
    await troubled.asked.wait()
    read(worker, subscription, 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await stored(own, subscription) == 8


async def test_what_left_before_midnight_is_not_charged_to_the_new_day(
    own: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [LATE]
    monkeypatch.setattr(kernel.clock, "now", lambda: at[0])
    worker, subscription = Counts(own, 1.0), new_id()
    read(worker, subscription, 5)
    at[0] = LATE + timedelta(seconds=20)
    read(worker, subscription, 2)
    await worker.flush()
    assert await used(own, subscription, LATE) == 5
    assert await used(own, subscription, at[0]) == 2


async def test_reserved_records_are_counted_and_not_charged_again(own: Database) -> None:
    worker, subscription = Counts(own, 1.0), new_id()
    worker.read(CALLER, Delivered(subscription, 1, 1, 5, 100, [], reserved=True))
    await worker.flush()
    assert await stored(own, subscription) == 5
    assert await used(own, subscription, kernel.clock.now()) == 0
