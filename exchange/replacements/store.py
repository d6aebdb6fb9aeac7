"""SQL of full replacements, and of what was refused since one began."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlmodel import col, select, update

from exchange.replacements.states import State
from exchange.replacements.tables import Replacement
from kernel.database import ReadSession, WriteSession
from kernel.paging import PageRequest

REFUSED_AT_ONCE: Final = 500
REFUSED = text("""
    SELECT e.id, e.sealed, b.op, b.receipt_id IS NOT NULL
    FROM exchange.quarantine_entry e JOIN exchange.quarantine_batch b ON b.id = e.batch_id
    WHERE e.resource_id = :resource_id AND b.received_at >= :since AND e.id > :after
    ORDER BY e.id LIMIT :most
""")
MARK = text("""
    SELECT count(*), max(e.id)
    FROM exchange.quarantine_entry e JOIN exchange.quarantine_batch b ON b.id = e.batch_id
    WHERE e.resource_id = :resource_id AND b.received_at >= :since
""")


class RefusedRecord(NamedTuple):
    """A record in quarantine, sealed; `shown` once its publish is known to have happened."""

    id: str
    sealed: bytes
    op: str
    shown: bool


async def find(session: ReadSession, replacement_id: str) -> Replacement | None:
    return await session.get(Replacement, replacement_id, populate_existing=True)


async def page(
    session: ReadSession, resource_id: str, request: PageRequest
) -> Sequence[Replacement]:
    """Return replacements of a resource, the newest first, one more than asked for."""
    query = select(Replacement).where(Replacement.resource_id == resource_id)
    if request.after is not None:
        query = query.where(col(Replacement.id) < request.after)
    query = query.order_by(col(Replacement.id).desc()).limit(request.limit + 1)
    return (await session.exec(query)).all()


async def end_expired(session: WriteSession, resource_id: str, now: datetime) -> None:
    """Write down that what was open longer than it lasts is over."""
    over = (
        update(Replacement)
        .where(
            col(Replacement.resource_id) == resource_id,
            col(Replacement.status).in_((State.OPEN, State.COMMITTING)),
            col(Replacement.ends_at) <= now,
        )
        .values(status=State.EXPIRED, ended_at=now, revision=col(Replacement.revision) + 1)
    )
    await session.exec(over)


async def open_one(session: ReadSession, resource_id: str) -> Replacement | None:
    query = select(Replacement).where(
        Replacement.resource_id == resource_id,
        col(Replacement.status).in_((State.OPEN, State.COMMITTING)),
    )
    return (await session.exec(query)).first()


async def refused(
    session: ReadSession, resource_id: str, since: datetime, after: str
) -> Sequence[RefusedRecord]:
    """Return some of the records in quarantine that came since, by their ids."""
    facts: dict[str, Any] = {"resource_id": resource_id, "since": since, "after": after}
    rows = await session.execute(REFUSED.bindparams(**facts, most=REFUSED_AT_ONCE))
    return [RefusedRecord(*row) for row in rows]


async def refused_mark(
    session: ReadSession, resource_id: str, since: datetime
) -> tuple[int, str | None]:
    """Return what changes whenever the records in quarantine do."""
    rows = await session.execute(MARK.bindparams(resource_id=resource_id, since=since))
    number, last = rows.one()
    return int(number), last
