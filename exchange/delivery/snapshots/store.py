"""SQL of snapshots and downloads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import col, delete, func, select, update

from exchange.delivery.snapshots.tables import Download, Snapshot
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

DOWNLOAD: Final = timedelta(hours=1)
FORGOTTEN_AT_ONCE: Final = 500
BEGIN = text("""
    INSERT INTO exchange.download AS d (file_id, actor_id, begun_at)
    VALUES (:file_id, :actor_id, :now)
    ON CONFLICT (file_id, actor_id) DO UPDATE SET begun_at = excluded.begun_at
    WHERE d.begun_at <= :before
    RETURNING file_id
""")
HOLD = text("SELECT FROM exchange.subscription WHERE id = :id FOR NO KEY UPDATE")
FOLDED_TO = text("""
    SELECT folded_to FROM exchange.fold WHERE resource_id = :resource_id AND current
    ORDER BY partition
""")


async def find(
    session: ReadSession, subscription_id: str, snapshot_id: str, now: datetime
) -> Snapshot | None:
    """Return a snapshot that is still kept."""
    row = await session.get(Snapshot, snapshot_id, populate_existing=True)
    if row is None or row.subscription_id != subscription_id or row.expires_at <= now:
        return None
    return row


async def page(
    session: ReadSession, subscription_id: str, request: PageRequest, now: datetime
) -> Page[Snapshot]:
    query = select(Snapshot).where(
        Snapshot.subscription_id == subscription_id, col(Snapshot.expires_at) > now
    )
    rows = (await session.exec(request.apply(query, Snapshot.id))).all()
    return request.page(rows, "id")


async def count(session: ReadSession, subscription_id: str, now: datetime) -> int:
    """Count the snapshots of a subscription that are kept, or being made."""
    query = select(func.count()).where(
        col(Snapshot.subscription_id) == subscription_id, col(Snapshot.expires_at) > now
    )
    return (await session.exec(query)).one()


async def hold(session: WriteSession, subscription_id: str) -> None:
    """Let nobody else begin a snapshot of the subscription before this transaction ends."""
    await session.execute(HOLD.bindparams(id=subscription_id))


async def made(session: WriteSession, snapshot_id: str, facts: dict[str, Any]) -> bool:
    """Write down what a snapshot came to; whether it is still wanted."""
    written = update(Snapshot).where(col(Snapshot.id) == snapshot_id).values(**facts)
    return (await session.exec(written)).rowcount > 0


async def drop(
    session: WriteSession, subscription_id: str, snapshot_id: str, now: datetime
) -> Snapshot | None:
    """Forget a snapshot that is kept, and return it as it was."""
    kept = (
        select(Snapshot)
        .where(
            Snapshot.id == snapshot_id,
            Snapshot.subscription_id == subscription_id,
            col(Snapshot.expires_at) > now,
        )
        .with_for_update()
    )
    row = (await session.exec(kept)).first()
    if row is not None:
        await session.delete(row)
    return row


async def folded_to(session: ReadSession, resource_id: str) -> Sequence[int]:
    """Return how far each partition is folded."""
    found = await session.execute(FOLDED_TO.bindparams(resource_id=resource_id))
    return list(found.scalars())


async def begin_download(session: WriteSession, file_id: str, actor_id: str, now: datetime) -> bool:
    """Whether this is a download of its own, and no part of one that began within the hour."""
    beginning = BEGIN.bindparams(file_id=file_id, actor_id=actor_id, now=now, before=now - DOWNLOAD)
    return (await session.execute(beginning)).first() is not None


async def forget_old(session: WriteSession, now: datetime) -> None:
    """Forget snapshots past their day, and downloads that nothing can follow any more."""
    old = select(Snapshot.id).where(col(Snapshot.expires_at) < now).limit(FORGOTTEN_AT_ONCE)
    await session.exec(delete(Snapshot).where(col(Snapshot.id).in_(old)))
    await session.exec(delete(Download).where(col(Download.begun_at) < now - DOWNLOAD))
