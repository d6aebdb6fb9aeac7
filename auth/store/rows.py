"""Conditional change of one row, and the errors that it may end in."""

from typing import Any, TypeVar

from sqlmodel import SQLModel, col, update

from kernel.database import WriteSession
from kernel.errors import NotFound, Stale

Row = TypeVar("Row", bound=SQLModel)


async def change(
    session: WriteSession,
    table: type[Row],
    key: object,
    revision: int | None,
    values: dict[str, Any],
) -> Row:
    """Write `values` over the revision that the caller has read, None for any.

    Raises NotFound or Stale.
    """
    (primary,) = table.__table__.primary_key.columns  # type: ignore[attr-defined]
    column: Any = table
    read = [] if revision is None else [col(column.revision) == revision]
    changed = await session.exec(
        update(table)
        .where(primary == key, *read)
        .values(**values, revision=col(column.revision) + 1)
        .returning(table)
        .execution_options(populate_existing=True)
    )
    row: Row | None = changed.scalars().first()
    if row is None:
        raise Stale if await session.get(table, key) else NotFound
    return row


async def give(
    session: WriteSession, table: type[SQLModel], department: str, successor: str
) -> None:
    """Let the department's people or clients be the successor's; their tokens go on."""
    column: Any = table
    await session.execute(
        update(table)
        .where(col(column.department) == department)
        .values(department=successor, revision=col(column.revision) + 1)
        .execution_options(synchronize_session=False)
    )
