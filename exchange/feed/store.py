"""SQL of the departments' event stream."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from exchange.feed.readers import Reader
from exchange.feed.tables import FeedEvent, FeedReader
from kernel.database import ReadSession, WriteSession

# How many of a department's events are looked at for those of the types asked for.
WINDOW = 5_000

GATHER = text("""
    INSERT INTO exchange.feed_event (outbox_id, generation, type, thing, at, payload)
    SELECT id, :generation, type, key, created_at, payload FROM kernel.outbox o
    WHERE NOT EXISTS (SELECT FROM exchange.feed_event f WHERE f.outbox_id = o.id)
        AND (CAST(:ids AS bigint[]) IS NULL OR o.id = ANY(CAST(:ids AS bigint[])))
    ORDER BY o.id LIMIT :most
    RETURNING id
""")


async def gather(
    session: WriteSession, generation: int, ids: Sequence[int] | None, most: int
) -> Sequence[FeedEvent]:
    """Number the oldest messages of the outbox that are not numbered yet; return them."""
    facts = {"generation": generation, "ids": None if ids is None else list(ids), "most": most}
    numbers = (await session.execute(GATHER.bindparams(**facts))).scalars().all()
    query = select(FeedEvent).where(col(FeedEvent.id).in_(numbers)).order_by(col(FeedEvent.id))
    return (await session.exec(query)).all() if numbers else []


async def add_readers(session: WriteSession, readers: Sequence[tuple[FeedEvent, Reader]]) -> None:
    rows = [
        {
            "department": reader.department,
            "event_id": event.id,
            "type": event.type,
            "oversees": reader.oversees,
            "guards": reader.guards,
        }
        for event, reader in readers
    ]
    if rows:
        await session.execute(insert(FeedReader).values(rows))


async def after(
    session: ReadSession, department: str, number: int, *, oversees: bool, guards: bool
) -> Sequence[tuple[int, str]]:
    """Return id and type of the department's next events, at most a WINDOW of them."""
    query = (
        select(FeedReader.event_id, FeedReader.type)
        .where(col(FeedReader.department) == department, col(FeedReader.event_id) > number)
        .order_by(col(FeedReader.event_id))
        .limit(WINDOW)
    )
    if not oversees:
        query = query.where(col(FeedReader.oversees).is_(False))
    if not guards:
        query = query.where(col(FeedReader.guards).is_(False))
    return (await session.exec(query)).all()


async def newest(
    session: ReadSession,
    department: str,
    since: datetime,
    most: int,
    *,
    oversees: bool,
    guards: bool,
) -> Sequence[FeedEvent]:
    """Return the department's last events since a moment, the newest first."""
    query = (
        select(FeedEvent)
        .join(FeedReader, col(FeedReader.event_id) == FeedEvent.id)
        .where(col(FeedReader.department) == department, col(FeedEvent.at) >= since)
        .order_by(col(FeedReader.event_id).desc())
        .limit(most)
    )
    if not oversees:
        query = query.where(col(FeedReader.oversees).is_(False))
    if not guards:
        query = query.where(col(FeedReader.guards).is_(False))
    return (await session.exec(query)).all()


async def events(session: ReadSession, numbers: Collection[int]) -> Sequence[FeedEvent]:
    if not numbers:
        return []
    query = select(FeedEvent).where(col(FeedEvent.id).in_(numbers))
    return (await session.exec(query.order_by(col(FeedEvent.id)))).all()


async def last_before(session: ReadSession, generation: int) -> int:
    """Return the highest id of earlier generations that this database still knows, 0 if none."""
    query = select(func.max(col(FeedEvent.id))).where(col(FeedEvent.generation) < generation)
    return (await session.exec(query)).one() or 0


async def is_forgotten(session: ReadSession, number: int) -> bool:
    """Whether the event was kept once and is not any more."""
    if number == 0 or await session.get(FeedEvent, number) is not None:
        return False
    oldest = (await session.exec(select(func.min(col(FeedEvent.id))))).one()
    return oldest is None or number < oldest


FORGET = text("""
    WITH old AS (
        DELETE FROM exchange.feed_event WHERE id IN (
            SELECT id FROM exchange.feed_event f WHERE at < :before AND NOT EXISTS (
                SELECT FROM kernel.outbox o WHERE o.id = f.outbox_id
            ) ORDER BY at LIMIT :most FOR UPDATE OF f SKIP LOCKED
        ) RETURNING id
    ), readers AS (
        DELETE FROM exchange.feed_reader WHERE event_id IN (SELECT id FROM old)
    )
    SELECT count(*) FROM old
""")


async def forget(session: WriteSession, before: datetime, most: int) -> int:
    """Delete old events with their readers; what still waits in the outbox keeps its number."""
    rows = await session.execute(FORGET.bindparams(before=before, most=most))
    return int(rows.scalar_one())
