"""The outbox: messages that exist exactly if their transaction committed (ADR 0006)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlmodel import col, delete, select

from kernel import clock
from kernel.tables import OutboxRow

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession


WAITS = text("SELECT EXISTS (SELECT FROM kernel.outbox)")
"""Whether any message waits to be told."""


def add(session: "AsyncSession", type_: str, key: str, payload: dict[str, Any]) -> None:
    """Add a message to the transaction; the relay publishes it at least once, in order."""
    session.add(OutboxRow(type=type_, key=key, payload=payload, created_at=clock.now()))


async def take(session: "AsyncSession", limit: int) -> Sequence[OutboxRow]:
    """Return the oldest messages; who sends them holds Lock.RELAY: two would lose the order."""
    oldest = select(OutboxRow).order_by(col(OutboxRow.id)).limit(limit)
    return (await session.exec(oldest)).all()


async def remove(session: "AsyncSession", rows: Sequence[OutboxRow]) -> None:
    await session.exec(delete(OutboxRow).where(col(OutboxRow.id).in_([row.id for row in rows])))


async def waiting(session: "AsyncSession") -> tuple[int, float]:
    """Return how many messages wait for the relay, and for how many seconds the oldest."""
    rows = await session.execute(
        text(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)"
            " FROM kernel.outbox"
        )
    )
    messages, seconds = rows.one()
    return int(messages), max(0.0, float(seconds))


# More messages than can have been left between a backup and its restore.
IDS_SKIPPED = 1_000_000_000
_SEQUENCE = "pg_get_serial_sequence('kernel.outbox', 'id')"


async def last_id(session: "AsyncSession") -> int:
    """Return the highest id that this database has given out, 0 if none."""
    found = await session.execute(text(f"SELECT coalesce(pg_sequence_last_value({_SEQUENCE}), 0)"))
    return int(found.scalar_one())


async def skip_ids(session: "AsyncSession", given_out: int) -> None:
    """Give out no id again that may have been given before a restore: listeners drop known ones."""
    skip = text(f"SELECT setval({_SEQUENCE}, greatest(nextval({_SEQUENCE}), :last) + :skipped)")
    await session.execute(skip.bindparams(last=given_out, skipped=IDS_SKIPPED))
