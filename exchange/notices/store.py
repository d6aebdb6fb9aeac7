"""SQL of notices: settings, and channels that somebody tries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from exchange.feed.tables import FeedEvent
from exchange.notices.tables import NoticeChannel, NoticeSetting
from kernel.database import ReadSession, WriteSession

LEASE_SECONDS: Final = 45
"""Longer than one try takes at most."""
EVENTS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Due:
    """A channel that this process tries now, up to an event."""

    department: str
    kind: str
    after: int
    upto: int
    attempts: int


LAST = text("SELECT COALESCE(max(id), 0) FROM exchange.feed_event")
OPEN = text("""
    INSERT INTO exchange.notice_channel AS c (department, kind, after, attempts, next_at)
    VALUES (:department, :kind, :after, 0, :next_at)
    ON CONFLICT (department, kind) DO UPDATE SET next_at = excluded.next_at, attempts = 0,
        failure = NULL
""")
CLOSE = text("""
    DELETE FROM exchange.notice_channel WHERE department = :department AND kind = :kind
""")
CLAIM = text("""
    UPDATE exchange.notice_channel c SET holder = :me,
        leased_until = clock_timestamp() + make_interval(secs => :seconds),
        upto = COALESCE(c.upto, (
            SELECT max(event_id) FROM (
                SELECT event_id FROM exchange.feed_reader
                WHERE department = c.department AND event_id > c.after AND NOT oversees
                ORDER BY event_id LIMIT :events
            ) AS e
        ))
    FROM (
        SELECT department, kind FROM exchange.notice_channel n
        WHERE kind = ANY(:kinds) AND (leased_until IS NULL OR leased_until < clock_timestamp())
            AND (
                next_at IS NULL OR next_at <= :now
                -- No digest and no retry is so far ahead: somebody's clock was.
                OR next_at > :now + interval '25 hours'
            )
            AND EXISTS (
                SELECT FROM exchange.feed_reader r
                WHERE r.department = n.department AND r.event_id > n.after AND NOT r.oversees
            )
        ORDER BY next_at NULLS FIRST, department LIMIT :most FOR UPDATE SKIP LOCKED
    ) AS d WHERE c.department = d.department AND c.kind = d.kind
    RETURNING c.department, c.kind, c.after, c.upto, c.attempts
""")
TOLD = text("""
    UPDATE exchange.notice_channel SET after = :upto, upto = NULL, attempts = 0, failure = NULL,
        told_at = :now, next_at = :next_at, holder = NULL, leased_until = NULL
    WHERE department = :department AND kind = :kind AND holder = :me AND upto = :upto
""")
FAILED = text("""
    UPDATE exchange.notice_channel SET attempts = attempts + 1, failure = :failure,
        next_at = :next_at, holder = NULL, leased_until = NULL
    WHERE department = :department AND kind = :kind AND holder = :me AND upto = :upto
""")


async def setting(session: ReadSession, department: str) -> NoticeSetting | None:
    query = select(NoticeSetting).where(col(NoticeSetting.department) == department)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def channels(session: ReadSession, department: str) -> Sequence[NoticeChannel]:
    query = select(NoticeChannel).where(col(NoticeChannel.department) == department)
    return (await session.exec(query.execution_options(populate_existing=True))).all()


async def open_channel(
    session: WriteSession, department: str, kind: str, next_at: datetime | None
) -> None:
    """Tell by a way what happens from now on; one that is open goes on where it is."""
    last = (await session.execute(LAST)).scalar_one()
    facts = {"department": department, "kind": kind, "after": last, "next_at": next_at}
    await session.execute(OPEN.bindparams(**facts))


async def close_channel(session: WriteSession, department: str, kind: str) -> None:
    await session.execute(CLOSE.bindparams(department=department, kind=kind))


async def claim(
    connection: AsyncConnection, me: str, kinds: Sequence[str], most: int, now: datetime
) -> Sequence[Due]:
    """Take channels that have something to tell and are nobody's, at most so many."""
    facts = {"me": me, "kinds": list(kinds), "most": most, "now": now}
    rows = await connection.execute(
        CLAIM.bindparams(seconds=LEASE_SECONDS, events=EVENTS_MAX, **facts)
    )
    return [Due(*row) for row in rows]


async def told(
    session: WriteSession, me: str, due: Due, next_at: datetime | None, now: datetime
) -> None:
    facts = {"department": due.department, "kind": due.kind, "upto": due.upto, "me": me}
    await session.execute(TOLD.bindparams(now=now, next_at=next_at, **facts))


async def failed(session: WriteSession, me: str, due: Due, failure: str, next_at: datetime) -> None:
    facts = {"department": due.department, "kind": due.kind, "upto": due.upto, "me": me}
    await session.execute(FAILED.bindparams(failure=failure, next_at=next_at, **facts))


EVENTS = text("""
    SELECT event_id FROM exchange.feed_reader
    WHERE department = :department AND event_id > :after AND event_id <= :upto AND NOT oversees
    ORDER BY event_id LIMIT :most
""")


async def events(session: ReadSession, due: Due) -> Sequence[FeedEvent]:
    """Return the events of a notice; fewer where some are no longer kept."""
    facts = {"department": due.department, "after": due.after, "upto": due.upto}
    ids = (await session.execute(EVENTS.bindparams(most=EVENTS_MAX, **facts))).scalars().all()
    query = select(FeedEvent).where(col(FeedEvent.id).in_(ids)).order_by(col(FeedEvent.id))
    return (await session.exec(query)).all() if ids else []
