"""SQL of people."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_, select

from auth.store import rows
from auth.tables import Person
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest


async def add(session: WriteSession, person: Person) -> bool:
    """Insert the row; False when the username is taken."""
    query = insert(Person).values(**person.model_dump()).on_conflict_do_nothing()
    return (await session.execute(query.returning(col(Person.id)))).first() is not None


async def get(session: ReadSession, person_id: str) -> Person | None:
    return await session.get(Person, person_id)


async def named(session: ReadSession, username: str) -> Person | None:
    return (await session.exec(select(Person).where(col(Person.username) == username))).first()


async def any_exists(session: ReadSession) -> bool:
    return (await session.exec(select(Person.id).limit(1))).first() is not None


async def change(
    session: WriteSession, person_id: str, revision: int | None, values: dict[str, Any]
) -> Person:
    return await rows.change(session, Person, person_id, revision, values)


async def find(
    session: ReadSession,
    page: PageRequest,
    *,
    text: str | None,
    department: str | None,
    role: str | None,
    status: str | None,
) -> Page[Person]:
    query = page.apply(select(Person), Person.id)
    if text:
        named = col(Person.name).icontains(text, autoescape=True)
        query = query.where(or_(named, col(Person.username).icontains(text, autoescape=True)))
    if department:
        query = query.where(col(Person.department) == department)
    if role:
        query = query.where(col(Person.roles).contains([role]))
    if status:
        query = query.where(col(Person.status) == status)
    return page.page((await session.exec(query)).all(), "id")
