"""A job is done once, whoever takes it, loses it, freezes over it or dies of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from deploy.local.stack import Endpoints
from kernel import audit_verification, clock, jobs
from kernel.actor import Actor
from kernel.blob_store import Folder
from kernel.blobs import Blobs
from kernel.database import Database
from kernel.errors import Conflict, IllegalTransition, TooMany, Unavailable
from kernel.ids import new_id
from kernel.job_runner import Handlers, Runner
from kernel.jobs import Handler, LeaseLost, NewJob, Run, Status
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tables import JobRow, OutboxRow
from tests.support.databases import own_database
from tests.support.eventually import eventually

BOX = Secretbox(b"k" * 32)
SETTINGS = Settings(jobs_at_once=2)


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, 12) as database:
        yield database


def author() -> Actor:
    return Actor("person", new_id(), new_id())


async def queue(database: Database, kind: str = "test", actor: Actor | None = None) -> str:
    async with database.transaction() as session:
        return (await jobs.add(session, actor or author(), NewJob(kind=kind, arguments={}))).id


async def taken(database: Database, kind: str = "test") -> JobRow | None:
    async with database.transaction() as session:
        return await jobs.claim(session, [kind])


async def row_of(database: Database, job_id: str) -> JobRow:
    async with database.reading() as session:
        row = await jobs.find(session, job_id)
        assert row is not None
        return row


async def ends(database: Database, job_id: str) -> JobRow:
    async def ended() -> bool:
        return (await row_of(database, job_id)).ended_at is not None

    await eventually(ended)
    return await row_of(database, job_id)


async def lose_lease(database: Database, job_id: str) -> None:
    """Let the time of a lease be over."""
    async with database.transaction() as session:
        past = "UPDATE kernel.job SET leased_until = clock_timestamp() - interval '1 s'"
        await session.execute(text(f"{past} WHERE id = :id").bindparams(id=job_id))


def run_of(database: Database, row: JobRow, folder: Path) -> Run:
    return Run(row, database, Blobs(Folder(folder)), BOX, SETTINGS)


@asynccontextmanager
async def working(database: Database, folder: Path, **handlers: Handler) -> AsyncIterator[None]:
    async def open_box() -> Secretbox:
        return BOX

    runner = Runner(database, Blobs(Folder(folder)), SETTINGS, Handlers(handlers), lambda: None)
    task = asyncio.create_task(runner.run(open_box))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_of_twenty_workers_one_takes_a_job(own: Database) -> None:
    await queue(own, "raced")
    found = await asyncio.gather(*(taken(own, "raced") for _ in range(20)))
    assert len([row for row in found if row is not None]) == 1


async def test_a_worker_that_lost_its_lease_writes_nothing(own: Database, tmp_path: Path) -> None:
    job_id = await queue(own, "lost")
    frozen = await taken(own, "lost")
    assert frozen is not None
    await lose_lease(own, job_id)
    other = await taken(own, "lost")
    assert other is not None
    assert other.lease != frozen.lease
    marker = new_id()
    with pytest.raises(LeaseLost):
        async with run_of(own, frozen, tmp_path).transaction() as session:
            session.add(OutboxRow(type="t", key=marker, payload={}, created_at=clock.now()))
    async with own.reading() as session:
        assert (await session.exec(select(OutboxRow).where(OutboxRow.key == marker))).all() == []
    run = run_of(own, other, tmp_path)
    run.done, run.position = 3, {"at": 3}
    async with run.transaction():
        pass
    row = await row_of(own, job_id)
    assert (row.done, row.state, row.status) == (3, {"at": 3}, Status.RUNNING)


async def test_each_ending_is_told(own: Database, tmp_path: Path) -> None:
    async def refused(_run: Run) -> None:
        raise Conflict("不行", "it cannot be")

    async def broken(_run: Run) -> None:
        raise KeyError

    async def done(run: Run) -> None:
        stored = await run.blobs.write(content(), most_bytes=10)
        await run.finish(stored, media="text/plain", name="结果.txt")

    async def content() -> AsyncIterator[bytes]:
        yield b"result"

    kinds = ("refused", "broken", "done")
    ids = {kind: await queue(own, kind) for kind in kinds}
    async with working(own, tmp_path, refused=refused, broken=broken, done=done):
        rows = {kind: await ends(own, ids[kind]) for kind in kinds}
    assert [row.status for row in rows.values()] == [Status.FAILED, Status.FAILED, Status.DONE]
    assert (rows["refused"].problem or {})["detail"]["en"] == "it cannot be"
    assert (rows["broken"].problem or {})["code"] == "internal_error"
    async with own.reading() as session:
        blob = await jobs.result_of(session, rows["done"])
    assert blob is not None
    assert await Blobs(Folder(tmp_path)).whole(blob, BOX) == b"result"


async def test_what_is_away_is_waited_for(
    own: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.job_runner.PUT_BACK_SECONDS", 0.1)
    tries = 0

    async def patient(_run: Run) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Unavailable

    job_id = await queue(own, "patient")
    async with working(own, tmp_path, patient=patient):
        row = await ends(own, job_id)
    assert (row.status, tries) == (Status.DONE, 2)


async def test_a_job_that_kills_workers_is_given_up(own: Database, tmp_path: Path) -> None:
    async def deadly(_run: Run) -> None:
        raise AssertionError("nobody tries it again")

    job_id = await queue(own, "deadly")
    for _ in range(jobs.DEATHS_MAX):
        assert await taken(own, "deadly") is not None
        await lose_lease(own, job_id)
    async with working(own, tmp_path, deadly=deadly):
        row = await ends(own, job_id)
    assert (row.status, (row.problem or {})["code"]) == (Status.FAILED, "job_given_up")


async def test_a_job_is_cancelled_while_it_waits_and_while_it_runs(
    own: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.job_runner.RENEW_SECONDS", 0.1)
    began = asyncio.Event()

    async def endless(_run: Run) -> None:
        began.set()
        await asyncio.Event().wait()

    async def cancel(job_id: str) -> JobRow:
        async with own.transaction() as session:
            row = await jobs.find(session, job_id)
            assert row is not None
            return await jobs.cancel(session, author(), row)

    waiting, running = await queue(own, "never"), await queue(own, "endless")
    assert (await cancel(waiting)).status == Status.CANCELLED
    with pytest.raises(IllegalTransition):
        await cancel(waiting)
    async with working(own, tmp_path, endless=endless):
        await began.wait()
        await cancel(running)
        assert (await ends(own, running)).status == Status.CANCELLED


async def test_a_worker_that_stops_puts_its_jobs_back(own: Database, tmp_path: Path) -> None:
    began = asyncio.Event()

    async def unfinished(_run: Run) -> None:
        began.set()
        await asyncio.Event().wait()

    job_id = await queue(own, "unfinished")
    async with working(own, tmp_path, unfinished=unfinished):
        await began.wait()
    row = await row_of(own, job_id)
    assert (row.status, row.attempts, row.lease) == (Status.QUEUED, 0, None)


async def test_a_department_has_a_bounded_number_of_open_jobs(own: Database) -> None:
    actor = author()
    for _ in range(jobs.OPEN_MAX):
        await queue(own, "never", actor)
    with pytest.raises(TooMany):
        await queue(own, "never", actor)
    await queue(own, "never")


async def test_of_two_who_begin_a_verification_at_once_one_queues_it(own: Database) -> None:
    """Both looked for one under way, found none, and the whole log was read twice."""

    async def begin() -> str:
        async with own.transaction() as session:
            return (await audit_verification.begin(session, author(), ())).id

    async with own.transaction() as session:
        first = await audit_verification.begin(session, author(), ())
        second = asyncio.create_task(begin())
        done, _ = await asyncio.wait([second], timeout=0.5)
        assert not done
    assert await second == first.id
    async with own.transaction() as session:
        await jobs.cancel(session, author(), await session.get_one(JobRow, first.id))
