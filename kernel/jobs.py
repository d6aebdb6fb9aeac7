"""Jobs: what takes too long for a request, kept in PostgreSQL until a worker has done it.

A worker takes a job by a lease, a name that nobody else has and a time. Whatever a handler writes
is written in `Run.transaction`, which ends with a look at that name: a worker that froze, lost its
lease and woke again commits nothing. So each step of a job happens once, whoever dies.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from sqlalchemy import func, insert, text
from sqlmodel import col, select, update

from kernel import audit, batches, blobs, clock
from kernel.actor import Actor
from kernel.blobs import Blobs, Stored
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import Conflict, IllegalTransition, ShuyuanError, Text, TooMany
from kernel.ids import new_id
from kernel.secretbox import Secretbox
from kernel.tables import BlobRow, JobLineRow, JobRow

if TYPE_CHECKING:
    from kernel.settings import Settings

QUEUED: Final = "job.queued"
CANCELLED: Final = "job.cancelled"
SUBJECT: Final = "job"
LEASE_SECONDS: Final = 10
KEPT_DAYS: Final = 7
# Queued and running ones of one department.
OPEN_MAX: Final = 20
# Workers that may die of a job before it is given up.
DEATHS_MAX: Final = 5
# A job that waits for something that is away is given up after so long.
PATIENCE_HOURS: Final = 24
PROBLEM_ERRORS_MAX: Final = 100


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN: Final = (Status.QUEUED, Status.RUNNING)


class LeaseLost(Conflict):
    """Another worker has the job, or it was cancelled: nothing more may be written for it."""

    title = Text("任务已由其他进程接手或已取消", "Another worker has the job, or it was cancelled")


class GivenUp(Conflict):
    """Workers died of the job, or what it needs stayed away."""

    code = "job_given_up"
    title = Text(
        "任务多次未能完成，已停止；请联系系统管理员",
        "The job could not be finished and was given up; ask the operator",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`scopes` are those of the author's token; `not_before` is a moment to begin at."""

    kind: str
    arguments: Mapping[str, Any]
    scopes: Collection[str] = ()
    input_blob: str | None = None
    not_before: datetime | None = None


async def add(session: WriteSession, actor: Actor, new: NewJob) -> JobRow:
    """Queue a job of the actor's department; TooMany where too many of it are open."""
    await _require_room(session, actor.department or "")
    now = clock.now()
    row = JobRow(
        id=new_id(),
        kind=new.kind,
        status=Status.QUEUED,
        author_kind=actor.kind,
        author_id=actor.id,
        department=actor.department or "",
        arguments={**new.arguments, "scopes": sorted(new.scopes)},
        input_blob=new.input_blob,
        not_before=new.not_before or now,
        created_at=now,
    )
    session.add(row)
    audit.record(session, actor, QUEUED, SUBJECT, row.id, kind=new.kind)
    return row


async def _require_room(session: ReadSession, department: str) -> None:
    query = select(func.count()).where(
        col(JobRow.department) == department, col(JobRow.ended_at).is_(None)
    )
    if (await session.exec(query)).one() >= OPEN_MAX:
        raise TooMany(
            f"本部门未完成的任务已达 {OPEN_MAX} 个，请等待其完成",
            f"Your department has {OPEN_MAX} open jobs; wait for them to end",
            retry_after_seconds=LEASE_SECONDS,
            policy="jobs",
        )


async def find(session: ReadSession, job_id: str) -> JobRow | None:
    return await session.get(JobRow, job_id, populate_existing=True)


async def newest(session: ReadSession, actor: Actor, most: int) -> Sequence[JobRow]:
    """Return what the actor began for the department last, the newest first."""
    query = select(JobRow).where(
        JobRow.author_kind == actor.kind,
        JobRow.author_id == actor.id,
        JobRow.department == actor.department,
    )
    return (await session.exec(query.order_by(col(JobRow.created_at).desc()).limit(most))).all()


async def result_of(session: ReadSession, row: JobRow) -> BlobRow | None:
    return await session.get(BlobRow, row.result_blob) if row.result_blob else None


def require_open(row: JobRow) -> None:
    """Raise IllegalTransition for a job that has ended."""
    if row.status not in OPEN:
        raise IllegalTransition(state=row.status, allowed=[])


async def cancel(session: WriteSession, actor: Actor, row: JobRow) -> JobRow:
    """End a job that waits, and have its worker end one that runs; IllegalTransition when over."""
    require_open(row)
    waiting = (
        update(JobRow)
        .where(col(JobRow.id) == row.id, col(JobRow.status) == Status.QUEUED)
        .values(status=Status.CANCELLED, ended_at=clock.now())
    )
    if (await session.exec(waiting)).rowcount != 1:
        running = update(JobRow).where(
            col(JobRow.id) == row.id, col(JobRow.status) == Status.RUNNING
        )
        if (await session.exec(running.values(cancelling=True))).rowcount != 1:
            await session.refresh(row)
            require_open(row)
    audit.record(session, actor, CANCELLED, SUBJECT, row.id, kind=row.kind)
    await session.refresh(row)
    return row


_CLAIM = text(f"""
    UPDATE kernel.job SET status = 'running', lease = :lease, attempts = attempts + 1,
        leased_until = clock_timestamp() + interval '{LEASE_SECONDS} s',
        started_at = coalesce(started_at, clock_timestamp())
    WHERE id = (
        SELECT id FROM kernel.job
        WHERE kind = ANY(:kinds) AND (
            (status = 'queued' AND not_before <= clock_timestamp())
            OR (status = 'running' AND leased_until < clock_timestamp()))
        ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id
""")  # noqa: S608 - a number of our own
_RENEW = text(f"""
    UPDATE kernel.job SET leased_until = clock_timestamp() + interval '{LEASE_SECONDS} s'
    WHERE id = :id AND lease = :lease AND status = 'running' RETURNING cancelling
""")  # noqa: S608


async def claim(session: WriteSession, kinds: Collection[str]) -> JobRow | None:
    """Take the job that has waited longest, or whose worker has died; None where there is none."""
    lease = new_id()
    found = await session.execute(_CLAIM.bindparams(lease=lease, kinds=list(kinds)))
    job_id = found.scalar_one_or_none()
    return None if job_id is None else await find(session, job_id)


async def renew(session: WriteSession, row: JobRow) -> bool | None:
    """Hold the lease for longer; return whether the job is to be cancelled, None without it."""
    renewed = await session.execute(_RENEW.bindparams(id=row.id, lease=row.lease))
    return renewed.scalar_one_or_none()


async def end(session: WriteSession, row: JobRow, status: Status, **facts: Any) -> bool:  # noqa: ANN401
    """End a job that this worker holds; False when it has lost it."""
    return await _set(session, row, status=status, ended_at=clock.now(), lease=None, **facts)


async def put_back(session: WriteSession, row: JobRow, *, seconds: float) -> bool:
    """Let any worker go on with the job after a while: this one did not die of it."""
    later = clock.now() + timedelta(seconds=seconds)
    attempts = max(0, row.attempts - 1)
    return await _set(
        session, row, status=Status.QUEUED, lease=None, not_before=later, attempts=attempts
    )


async def _set(session: WriteSession, row: JobRow, **facts: Any) -> bool:  # noqa: ANN401
    held = update(JobRow).where(
        col(JobRow.id) == row.id,
        col(JobRow.lease) == row.lease,
        col(JobRow.status) == Status.RUNNING,
    )
    return (await session.exec(held.values(**facts))).rowcount == 1


def problem_of(error: ShuyuanError) -> dict[str, Any]:
    """Return a refusal as it is kept with its job, in both languages."""
    errors = [
        {"path": each.path, "code": each.code, "zh": each.zh, "en": each.en, "index": each.index}
        for each in error.errors[:PROBLEM_ERRORS_MAX]
    ]
    return {
        "code": error.code,
        "title": {"zh": error.title.zh, "en": error.title.en},
        "detail": {"zh": error.detail.zh, "en": error.detail.en},
        "errors": errors,
        "error_count": error.error_count,
    }


Note = tuple[int, dict[str, Any]]


@dataclass(slots=True)
class Run:
    """One turn at a job, as its handler sees it.

    `done`, `total`, `errors_count`, `position` are kept with what the next transaction writes:
    a handler that begins anew finds them as they were committed.
    """

    row: JobRow
    database: Database
    blobs: Blobs
    box: Secretbox
    settings: "Settings"
    done: int = field(init=False)
    total: int | None = field(init=False)
    errors_count: int = field(init=False)
    position: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.done, self.total = self.row.done, self.row.total
        self.errors_count = self.row.errors_count
        self.position = dict(self.row.state or {})

    @property
    def arguments(self) -> Mapping[str, Any]:
        return self.row.arguments

    @property
    def author(self) -> Actor:
        return Actor(self.row.author_kind, self.row.author_id, self.row.department)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """Commit with the progress, or not at all; raises LeaseLost."""
        async with self.database.transaction() as session:
            yield session
            await self._fence(session)

    @asynccontextmanager
    async def trial(self) -> AsyncIterator[WriteSession]:
        """Undo whatever the block writes, and hear what it raises."""
        try:
            async with self.database.transaction() as session:
                yield session
                await session.flush()
                _undo()
        except _UndoneError:
            return

    async def _fence(self, session: WriteSession) -> None:
        kept = await _set(
            session,
            self.row,
            done=self.done,
            total=self.total,
            errors_count=self.errors_count,
            state=self.position,
        )
        if not kept:
            raise LeaseLost

    async def note(
        self, session: WriteSession, lines: Sequence[tuple[int, dict[str, Any]]]
    ) -> None:
        """Keep what is to be said of lines of the input."""
        if lines:
            rows = [{"job_id": self.row.id, "number": at, "note": note} for at, note in lines]
            await session.execute(insert(JobLineRow), rows)

    async def notes(self) -> dict[int, dict[str, Any]]:
        """Return what was said of lines, by their number."""
        query = select(JobLineRow.number, JobLineRow.note).where(JobLineRow.job_id == self.row.id)
        async with self.database.reading() as session:
            return {number: dict(note) for number, note in (await session.exec(query)).all()}

    async def input(self) -> bytes:
        """Return the file that the job is about; raises FileLost."""
        async with self.database.reading() as session:
            row = await session.get(BlobRow, self.row.input_blob or "")
        return b"" if row is None else await self.blobs.whole(row, self.box)

    async def finish(
        self,
        stored: Stored | None = None,
        *,
        media: str = "",
        name: str = "",
        problem: ShuyuanError | None = None,
    ) -> None:
        """End the job, failed with a problem; a result is kept for KEPT_DAYS. Raises LeaseLost."""
        status = Status.DONE if problem is None else Status.FAILED
        facts: dict[str, Any] = {} if problem is None else {"problem": problem_of(problem)}
        async with self.database.transaction() as session:
            expires_at = clock.now() + timedelta(days=KEPT_DAYS)
            if stored is not None:
                blobs.add(session, self.box, stored, media=media, name=name, expires_at=expires_at)
            result = None if stored is None else stored.id
            facts |= {"done": self.done, "result_blob": result}
            if not await end(session, self.row, status, **facts):
                raise LeaseLost


class _UndoneError(Exception):
    pass


def _undo() -> NoReturn:
    raise _UndoneError


Handler = Callable[[Run], Awaitable[None]]


_OPEN_JOBS = text("""
    SELECT count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'running'),
        COALESCE(extract(epoch FROM clock_timestamp()
            - min(not_before) FILTER (WHERE status = 'queued')), 0),
        count(*) FILTER (WHERE status = 'running' AND leased_until < clock_timestamp())
    FROM kernel.job WHERE ended_at IS NULL
""")


class OpenJobs(NamedTuple):
    """`oldest_seconds`: for how long one that may begin has waited; `unheld` run on no worker."""

    queued: int = 0
    running: int = 0
    oldest_seconds: float = 0.0
    unheld: int = 0


async def count_open(session: ReadSession) -> OpenJobs:
    queued, running, oldest, unheld = (await session.execute(_OPEN_JOBS)).one()
    return OpenJobs(queued, running, max(0.0, float(oldest)), unheld)


async def forget_ended(session: WriteSession, now: datetime) -> int:
    """Delete jobs whose results are past their term, and inputs of those that ended."""
    over = (
        update(BlobRow)
        .where(
            col(BlobRow.expires_at).is_(None),
            col(BlobRow.id).in_(
                select(JobRow.input_blob).where(
                    col(JobRow.ended_at).is_not(None), col(JobRow.input_blob).is_not(None)
                )
            ),
        )
        .values(expires_at=now)
    )
    await session.exec(over)
    before = now - timedelta(days=KEPT_DAYS)
    return await batches.delete_some(session, JobRow, col(JobRow.ended_at) < before)
