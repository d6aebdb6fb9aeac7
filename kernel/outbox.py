"""The outbox: messages that exist exactly if their transaction committed (ADR 0006)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlmodel import col, delete, select

from kernel import clock, locks
from kernel.tables import OutboxRow

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession


def add(session: "AsyncSession", type_: str, key: str, payload: dict[str, Any]) -> None:
    """Add a message to the transaction; the relay publishes it at least once, in order."""
    session.add(OutboxRow(type=type_, key=key, payload=payload, created_at=clock.now()))


async def take(session: "AsyncSession", limit: int) -> Sequence[OutboxRow]:
    """Return the oldest messages, none while another relay works: two would lose the order."""
    if not await locks.try_hold(session, locks.Lock.RELAY):
        return []
    oldest = select(OutboxRow).order_by(col(OutboxRow.id)).limit(limit)
    return (await session.exec(oldest)).all()


async def remove(session: "AsyncSession", rows: Sequence[OutboxRow]) -> None:
    await session.exec(delete(OutboxRow).where(col(OutboxRow.id).in_([row.id for row in rows])))
