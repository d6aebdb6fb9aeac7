"""SQL of departments."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_, select

from auth.store import rows
from auth.tables import Department
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest


async def add(session: WriteSession, department: Department) -> bool:
    """Insert the row; False when the code is registered already."""
    query = insert(Department).values(**department.model_dump()).on_conflict_do_nothing()
    added = await session.execute(query.returning(col(Department.uscc)))
    return added.first() is not None


async def get(session: ReadSession, uscc: str) -> Department | None:
    return await session.get(Department, uscc)


async def change(
    session: WriteSession, uscc: str, revision: int | None, values: dict[str, Any]
) -> Department:
    return await rows.change(session, Department, uscc, revision, values)


async def lock(session: WriteSession, uscc: str) -> Department | None:
    return await session.get(Department, uscc, with_for_update=True)


async def find(
    session: ReadSession,
    page: PageRequest,
    *,
    text: str | None,
    region_code: str | None,
    authority: bool | None,
) -> Page[Department]:
    query = page.apply(select(Department), Department.uscc)
    if text:
        like = col(Department.name).icontains(text, autoescape=True)
        query = query.where(or_(like, col(Department.uscc) == text))
    if region_code:
        query = query.where(col(Department.region_code) == region_code)
    if authority is not None:
        query = query.where(col(Department.authority) == authority)
    return page.page((await session.exec(query)).all(), "uscc")
