"""SQL of the deadlines of catalogue entries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from catalog.deadline_tables import UNDECIDED, Deadline, Kind
from kernel.database import ReadSession, WriteSession
from kernel.terms import Term


async def open_of(
    session: ReadSession, resource_ids: Collection[str], kind: Kind | None = None
) -> Sequence[Deadline]:
    """Return what runs for the resources, the earliest due first."""
    query = select(Deadline).where(
        col(Deadline.resource_id).in_(resource_ids), col(Deadline.ended_at).is_(None)
    )
    if kind is not None:
        query = query.where(Deadline.kind == kind)
    return (await session.exec(query.order_by(col(Deadline.due_at), col(Deadline.id)))).all()


async def locked(session: WriteSession, resource_id: str, kind: Kind) -> Deadline | None:
    """Lock and return the open deadline of a kind that a resource has one of."""
    query = select(Deadline).where(
        Deadline.resource_id == resource_id,
        Deadline.kind == kind,
        col(Deadline.ended_at).is_(None),
    )
    locking = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(locking)).one_or_none()


async def lost(session: ReadSession, element: str) -> set[str]:
    """Return the resources that have lost their source of the element."""
    query = select(Deadline.resource_id).where(
        Deadline.kind == Kind.SOURCE_LOST,
        Deadline.subject == element,
        col(Deadline.ended_at).is_(None),
    )
    return set((await session.exec(query)).all())


async def first_due(session: ReadSession, resource_id: str, kind: Kind) -> datetime | None:
    """Return when the first open deadline of the kind falls due."""
    query = select(func.min(Deadline.due_at)).where(
        Deadline.resource_id == resource_id,
        Deadline.kind == kind,
        col(Deadline.ended_at).is_(None),
    )
    found: datetime | None = (await session.exec(query)).one()
    return found


async def begin(
    session: WriteSession,
    resource_id: str,
    kind: Kind,
    term: Term,
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - subject, version, note
) -> bool:
    """Open a deadline; False where one of the kind and subject is open already."""
    values = {
        "resource_id": resource_id,
        "kind": str(kind),
        "subject": "",
        "note": {},
        "began_at": now,
        **term.columns(),
        **facts,
    }
    statement = insert(Deadline).values(**values).on_conflict_do_nothing()
    return (await session.exec(statement)).rowcount == 1


async def change(
    session: WriteSession,
    resource_id: str,
    kind: Kind,
    *,
    subject: str | None = None,
    **facts: Any,  # noqa: ANN401 - columns
) -> None:
    """Change the open deadlines of a kind, or the one of a subject."""
    statement = update(Deadline).where(
        col(Deadline.resource_id) == resource_id,
        col(Deadline.kind) == kind,
        col(Deadline.ended_at).is_(None),
    )
    if subject is not None:
        statement = statement.where(col(Deadline.subject) == subject)
    await session.exec(statement.values(**facts))


async def write(
    session: WriteSession,
    deadline: Deadline,
    **facts: Any,  # noqa: ANN401 - columns
) -> None:
    """Change a deadline that this transaction has locked."""
    statement = update(Deadline).where(col(Deadline.id) == deadline.id).values(**facts)
    await session.exec(statement)


async def take_overdue(session: WriteSession, now: datetime, limit: int) -> Sequence[Deadline]:
    """Lock deadlines that were missed and not written down, leaving out those others hold."""
    query = (
        select(Deadline)
        .where(text(UNDECIDED), col(Deadline.due_at) <= now)
        .order_by(col(Deadline.due_at))
        .limit(limit)
    )
    return (await session.exec(query.with_for_update(skip_locked=True))).all()


async def overdue_by_kind(session: ReadSession, now: datetime) -> dict[str, int]:
    """Count what is open beyond its day and not handed over."""
    query = (
        select(Deadline.kind, func.count())
        .where(
            col(Deadline.ended_at).is_(None),
            col(Deadline.met_at).is_(None),
            col(Deadline.due_at) <= now,
        )
        .group_by(col(Deadline.kind))
    )
    return {kind: int(count) for kind, count in (await session.exec(query)).all()}


async def take_open(session: WriteSession, after: int, limit: int) -> Sequence[Deadline]:
    """Lock open deadlines behind an id, in the order of ids."""
    query = (
        select(Deadline)
        .where(
            col(Deadline.ended_at).is_(None),
            col(Deadline.breached_at).is_(None),
            col(Deadline.id) > after,
        )
        .order_by(col(Deadline.id))
        .limit(limit)
    )
    locked = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(locked)).all()


async def take_outdated(session: WriteSession, calendar: int, limit: int) -> Sequence[Deadline]:
    """Lock open deadlines that were reckoned before a newer holiday notice."""
    query = (
        select(Deadline)
        .where(
            col(Deadline.ended_at).is_(None),
            col(Deadline.breached_at).is_(None),
            col(Deadline.due_calendar) < calendar,
        )
        .limit(limit)
    )
    return (await session.exec(query.with_for_update(skip_locked=True))).all()
