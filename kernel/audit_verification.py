"""Verifies the audit log as a job: what `audit_check` does, in short steps (P8).

Any number of events is looked at by whichever worker is there; what came of it is an event of the
log itself.
"""

from collections.abc import Collection, Sequence
from typing import Final

from sqlmodel import col, select

from kernel import audit, audit_check, jobs, locks
from kernel.actor import Actor
from kernel.audit_check import Verdict, Walk
from kernel.database import ReadSession, WriteSession
from kernel.jobs import NewJob, Run
from kernel.locks import Lock
from kernel.tables import AuditRow, JobRow

KIND: Final = "audit.verify"
VERIFIED: Final = "audit.verified"
BROKEN: Final = "audit.broken"
SUBJECT: Final = "audit"
SUBJECT_ID: Final = "verification"
# Steps of one short transaction, after which the job's progress is kept.
STEPS_AT_ONCE: Final = 20
TOLD: Final = "told"
FAULTS_MAX: Final = 100


async def begin(session: WriteSession, actor: Actor, scopes: Collection[str]) -> JobRow:
    """Queue a verification, or return the one that is under way; TooMany of a department's jobs."""
    await locks.hold(session, Lock.VERIFICATION)
    running = await under_way(session)
    return running or await jobs.add(session, actor, NewJob(kind=KIND, arguments={}, scopes=scopes))


async def under_way(session: ReadSession) -> JobRow | None:
    """Return the verification that has not ended, whoever began it."""
    query = select(JobRow).where(JobRow.kind == KIND, col(JobRow.ended_at).is_(None))
    return (await session.exec(query.order_by(col(JobRow.created_at)).limit(1))).first()


async def latest(session: ReadSession, most: int) -> Sequence[AuditRow]:
    """Return the events of the last verifications, the newest first."""
    query = select(AuditRow).where(
        AuditRow.subject_type == SUBJECT,
        AuditRow.subject_id == SUBJECT_ID,
        col(AuditRow.event).in_([VERIFIED, BROKEN]),
    )
    return (await session.exec(query.order_by(col(AuditRow.at).desc()).limit(most))).all()


async def verify(run: Run) -> None:
    """Verify the log up to where it ends now, and write down what came of it, once."""
    if not run.position.get(TOLD):
        walk = await _walk(run)
        async with run.database.reading() as session:
            verdict = await audit_check.verdict(session, walk)
        run.errors_count, run.position = len(verdict.faults), {TOLD: True}
        async with run.transaction() as session:
            _tell(session, run, walk, verdict)
    await run.finish()


async def _walk(run: Run) -> Walk:
    async with run.database.reading() as session:
        begun = run.position
        walk = Walk.read(begun) if begun else await audit_check.begin(session)
    run.total = walk.total
    while not walk.is_over:
        async with run.database.reading() as session:
            for _ in range(STEPS_AT_ONCE):
                if not walk.is_over:
                    await audit_check.go_on(session, walk)
        run.done, run.errors_count = walk.events, len(walk.faults)
        run.position = walk.written()
        async with run.transaction():
            pass
    return walk


def _tell(session: WriteSession, run: Run, walk: Walk, verdict: Verdict) -> None:
    faults = [[each.chain, each.seq, each.reason] for each in verdict.faults[:FAULTS_MAX]]
    audit.record(
        session, run.author, BROKEN if faults else VERIFIED, SUBJECT, SUBJECT_ID,
        events=verdict.events, until=walk.until, faults=faults, job=run.row.id,
        began_at=run.row.started_at,
    )  # fmt: skip
