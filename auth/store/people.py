"""SQL of people."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_, select, update

from auth.store import rows
from auth.store.departments import Known
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


async def lock(session: WriteSession, person_id: str) -> Person | None:
    """Return the person as it is now, and let nobody change or issue anything meanwhile.

    Whatever issues or ends tokens of a person begins with this lock: so a revocation and a
    refresh come one after the other.
    """
    return await session.get(Person, person_id, with_for_update={"key_share": True})


async def end_tokens_of(session: WriteSession, department: str) -> None:
    """Let every token of the department's people end for ever."""
    await session.execute(
        update(Person)
        .where(col(Person.department) == department)
        .values(generation=Person.generation + 1)
        .execution_options(synchronize_session=False)
    )


async def of_department(session: ReadSession, department: str) -> Sequence[Person]:
    """Return the department's people, by id."""
    query = select(Person).where(col(Person.department) == department).order_by(col(Person.id))
    return (await session.exec(query)).all()


async def take_role(session: WriteSession, person_id: str, role: str) -> None:
    await session.execute(
        update(Person)
        .where(col(Person.id) == person_id)
        .values(roles=func.array_remove(col(Person.roles), role))
        .execution_options(synchronize_session=False)
    )


async def find(
    session: ReadSession,
    page: PageRequest,
    known: Known,
    *,
    text: str | None,
    department: str | None,
    role: str | None,
    status: str | None,
) -> Page[Person]:
    query = page.apply(select(Person), Person.id)
    query = query.where(known.holds(col(Person.department)))
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
