"""How rows come in without a duplicate, and how they go out in pages."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Executable, Table
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

Row = TypeVar("Row", bound=SQLModel)


async def add_once(session: WriteSession, row: SQLModel) -> bool:
    """Insert the row; False when one with its key, or with a unique fact of it, exists."""
    return await add_all_once(session, [row]) == 1


async def add_all_once(session: WriteSession, rows: Sequence[SQLModel]) -> int:
    """Insert rows of one table, those that exist left out; return how many were new."""
    if not rows:
        return 0
    statement, facts = _insert_once(type(rows[0])), [row.model_dump() for row in rows]
    return len((await session.execute(statement, facts)).all())


@cache
def _insert_once(kind: type[SQLModel]) -> Executable:
    """Return the statement, built once: to build it again took longer than to insert a row."""
    table: Table = kind.__table__  # type: ignore[attr-defined]
    return insert(table).on_conflict_do_nothing().returning(*table.primary_key)


async def page_of(
    session: ReadSession,
    query: Any,  # noqa: ANN401 - SQLAlchemy's own types
    page: PageRequest,
    key: Any,  # noqa: ANN401
) -> Page[Any]:
    rows = (await session.exec(page.apply(query, key))).all()
    return page.page(rows, key.key)
