"""SQL that things in exchange share: rows whose status moves one step at a time, with history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel, col, select, update

from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, NotFound
from kernel.tables import timestamp


class Moving(Protocol):
    """A row of such a table."""

    id: str
    status: str
    revision: int


class Kept(SQLModel):
    """A step of a thing: each kind of thing has a table of its own, whose rows also name theirs."""

    id: int | None = None
    at: datetime = timestamp()
    action: str
    from_state: str | None = None
    to_state: str
    actor_kind: str
    actor_id: str
    department: str | None = None
    details: dict[str, Any] = Field(sa_type=JSONB)


Row = TypeVar("Row", bound=Moving)
Step = TypeVar("Step", bound=Kept)


async def get(session: ReadSession, table: type[Row], row_id: str) -> Row:
    """Raise NotFound when there is none."""
    row = await session.get(table, row_id)
    if row is None:
        raise NotFound
    return row


async def several(session: ReadSession, table: type[Row], row_ids: Sequence[str]) -> Sequence[Row]:
    """Return the rows that there are."""
    return (await session.exec(select(table).where(col(table.id).in_(row_ids)))).all()


async def lock(session: WriteSession, table: type[Row], row_id: str) -> Row:
    """Return the newest row and keep others from moving it; raises NotFound."""
    query = select(table).where(col(table.id) == row_id)
    fresh = query.with_for_update().execution_options(populate_existing=True)
    row = (await session.exec(fresh)).first()
    if row is None:
        raise NotFound
    return row


async def move(session: WriteSession, row: Row, to: str, changes: Mapping[str, Any]) -> Row:
    """Write a transition if nobody was faster; raises Conflict."""
    table = type(row)
    statement = (
        update(table)
        .where(
            col(table.id) == row.id,
            col(table.status) == row.status,
            col(table.revision) == row.revision,
        )
        .values(status=to, revision=row.revision + 1, **changes)
        .returning(table)
        # What the session holds is refreshed by what is returned, not by comparing every row.
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    updated = (await session.scalars(statement)).one_or_none()
    if updated is None:
        raise Conflict
    return updated


class History(Generic[Step]):
    """The history of one kind of thing: `owner` is the column of its table that names the thing."""

    def __init__(self, table: type[Step], owner: str) -> None:
        self._table, self._owner = table, owner

    def add(
        self,
        session: WriteSession,
        owner_id: str,
        action: str,
        step: tuple[str | None, str],
        actor: Actor,
        at: datetime,
        details: Mapping[str, Any],
    ) -> None:
        """Keep a step: from which state to which, by whom."""
        row = self._table(
            at=at,
            action=action,
            from_state=step[0],
            to_state=step[1],
            actor_kind=actor.kind,
            actor_id=actor.id,
            department=actor.department,
            details=dict(details),
        )
        setattr(row, self._owner, owner_id)
        session.add(row)

    async def of(self, session: ReadSession, owner_id: str) -> Sequence[Step]:
        """Return the steps of a thing in the order in which they were kept."""
        query = select(self._table).where(col(getattr(self._table, self._owner)) == owner_id)
        return (await session.exec(query.order_by(col(self._table.id)))).all()
