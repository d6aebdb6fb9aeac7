"""Months that are over leave the audit log in files that verify by themselves (P8, ADR 0028)."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from deploy.local.stack import Endpoints
from kernel import audit, audit_archive, audit_months, clock
from kernel.actor import Actor
from kernel.audit import CHAINS
from kernel.audit_archive import ArchiveExists, ArchiveUnreadable, AuditBroken, NothingToArchive
from kernel.audit_check import Verdict
from kernel.database import Database
from tests.support.databases import connected, new_database

WHO = Actor("person", "p1", None)
LATER = timedelta(days=31)


@pytest.fixture
async def url(endpoints: Endpoints) -> AsyncIterator[str]:
    async with new_database(endpoints.database_url) as made:
        yield made


@pytest.fixture
async def own(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=CHAINS + 2)
    yield database
    await database.close()


class Time:
    """The clock of the test; months pass by `add`."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def add(self, months: int = 1) -> None:
        for _month in range(months):
            first = self.now.replace(day=1) + LATER
            self.now = first.replace(day=15)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


async def write(database: Database, events: int = 3) -> None:
    """Write into every chain, and anchor them."""
    arrived = asyncio.Barrier(CHAINS)

    async def one() -> None:
        async with database.transaction() as session:
            for number in range(events):
                audit.record(session, WHO, "test.done", "test", "t", number=number, part=0.25)
            await session.flush()
            await audit.append_pending(session)
            await arrived.wait()

    await asyncio.gather(*(one() for _ in range(CHAINS)))
    async with database.transaction() as session:
        await audit.anchor(session)


async def verified(database: Database, *archives: Path) -> Verdict:
    async with database.snapshot() as session:
        return await audit_archive.verify(session, archives)


async def archived(database: Database, path: Path, before: int | None = None) -> int:
    done = await audit_archive.archive(database, path, before=before, now=clock.now())
    return done.events


async def test_months_leave_in_files_and_all_verifies_from_the_first_event_to_the_last(
    own: Database, time: Time, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    await write(own)
    with pytest.raises(NothingToArchive):
        await archived(own, first)
    assert not first.exists()
    time.add()
    await write(own)
    in_first = await archived(own, first)
    assert in_first == 3 * CHAINS + 1
    time.add()
    await write(own)
    in_second = await archived(own, second)
    # What sealed the first file is in the second one.
    assert in_second == 3 * CHAINS + 2
    alone, whole = await verified(own), await verified(own, first, second)
    assert alone.faults == whole.faults == ()
    assert whole.events == alone.events + in_first + in_second


async def test_a_month_goes_only_when_it_is_wanted(
    own: Database, time: Time, tmp_path: Path
) -> None:
    await write(own)
    time.add(2)
    await write(own)
    started = audit.month_of(datetime.now(UTC))
    with pytest.raises(NothingToArchive):
        await archived(own, tmp_path / "none.gz", before=started)
    assert await archived(own, tmp_path / "one.gz", before=audit_months.following(started))


async def test_a_file_that_was_changed_left_out_or_cut_is_found(
    own: Database, time: Time, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    for path in (first, second):
        await write(own)
        time.add()
        await archived(own, path)
    assert (await verified(own, second)).faults
    assert (await verified(own, first)).faults
    lines = gzip.decompress(first.read_bytes()).splitlines()
    changed = json.loads(lines[5])
    changed["actor_id"] = "somebody-else"
    forged = tmp_path / "forged.gz"
    forged.write_bytes(
        gzip.compress(b"\n".join([*lines[:5], json.dumps(changed).encode(), *lines[6:]]))
    )
    reasons = {fault.reason for fault in (await verified(own, forged, second)).faults}
    assert "was changed after it was written" in reasons
    assert "forged.gz is sealed by no event of the log" in reasons
    cut = tmp_path / "cut.gz"
    cut.write_bytes(first.read_bytes()[:-200])
    with pytest.raises(ArchiveUnreadable):
        await verified(own, cut, second)


async def test_what_is_not_whole_is_not_archived(
    own: Database, url: str, time: Time, tmp_path: Path
) -> None:
    path = tmp_path / "broken.gz"
    await write(own)
    time.add()
    async with connected(url) as connection:
        await connection.execute(
            "ALTER TABLE kernel.audit_event DISABLE TRIGGER audit_event_append_only"
        )
        await connection.execute("UPDATE kernel.audit_event SET actor_id = 'x' WHERE seq = 2")
    with pytest.raises(AuditBroken):
        await archived(own, path)
    assert not path.exists()
    assert (await verified(own)).events


async def test_partitions_are_append_only_and_made_ahead(
    own: Database, url: str, time: Time
) -> None:
    await write(own)
    async with connected(url) as connection:
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await connection.execute("DELETE FROM kernel.audit_event_first")
    time.add(3)
    async with own.transaction() as session:
        assert await audit_months.make_ahead(session, time.now) == 3
    async with own.transaction() as session:
        assert await audit_months.make_ahead(session, time.now) == 0
        [*_, last] = await audit_months.partitions(session)
    async with connected(url) as connection:
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await connection.execute(f"TRUNCATE kernel.{last.name}")
    time.add(audit_months.MONTHS_AHEAD)
    await write(own)


async def test_months_of_a_chain_never_go_back(own: Database, url: str, time: Time) -> None:
    """A clock that was put back would write into a month that may be archived already."""
    time.add(2)
    await write(own, events=1)
    time.now -= 2 * LATER
    await write(own, events=1)
    async with connected(url) as connection:
        rows = await connection.fetch(
            "SELECT chain, min(period) AS first, max(period) AS last FROM kernel.audit_event"
            " GROUP BY chain"
        )
    assert {row["first"] for row in rows} == {row["last"] for row in rows}
    assert len(rows) == CHAINS
    assert (await verified(own)).faults == ()


async def test_a_file_that_is_there_is_never_written_over(
    own: Database, time: Time, tmp_path: Path
) -> None:
    path = tmp_path / "kept.gz"
    path.write_bytes(b"somebody's")
    await write(own)
    time.add()
    with pytest.raises(ArchiveExists):
        await archived(own, path)
    assert path.read_bytes() == b"somebody's"
