"""Forgetting in batches: a DELETE of whatever has gathered would outgrow its statement's time."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlmodel import SQLModel

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

# Some milliseconds of PostgreSQL; the jobs of the worker go on at once while a batch was full.
ROWS = 5_000


async def delete_some(
    session: "AsyncSession",
    model: type[SQLModel],
    *criteria: ColumnElement[bool],
    most: int = ROWS,
) -> int:
    """Delete at most `most` rows and return how many; rows that others hold are left out."""
    table: Any = model.__table__  # type: ignore[attr-defined]
    keys = tuple(table.primary_key)
    some = select(*keys).where(*criteria).limit(most).with_for_update(skip_locked=True)
    deleted = await session.execute(delete(table).where(tuple_(*keys).in_(some)))
    return int(deleted.rowcount)  # type: ignore[attr-defined]
