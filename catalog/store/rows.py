"""How rows come in without a duplicate, and how they go out in pages."""

from typing import Any, TypeVar

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

Row = TypeVar("Row", bound=SQLModel)


async def add_once(session: WriteSession, row: SQLModel) -> bool:
    """Insert the row; False when one with its key, or with a unique fact of it, exists."""
    statement = insert(type(row)).values(**row.model_dump()).on_conflict_do_nothing()
    return (await session.exec(statement)).rowcount == 1


async def page_of(
    session: ReadSession,
    query: Any,  # noqa: ANN401 - SQLAlchemy's own types
    page: PageRequest,
    key: Any,  # noqa: ANN401
) -> Page[Any]:
    rows = (await session.exec(page.apply(query, key))).all()
    return page.page(rows, key.key)
