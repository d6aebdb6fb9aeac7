"""SQL of who administers the platform."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import TEXT, array
from sqlmodel import col, select

from auth.tables import Department, Person
from kernel import locks
from kernel.database import ReadSession, WriteSession


@dataclass(frozen=True, slots=True)
class Administrator:
    """An active person of an active department, with the division of that department."""

    person_id: str
    department: str
    region_code: str
    roles: frozenset[str]


async def lock(session: WriteSession) -> None:
    """Let one transaction at a time take an administrator away."""
    await locks.hold(session, locks.Lock.ADMINISTRATORS)


async def active(session: ReadSession, roles: Sequence[str]) -> Sequence[Administrator]:
    """Return who can sign in and holds one of the roles."""
    query = select(Person.id, Person.roles, Department.uscc, Department.region_code).join(
        Department, col(Department.uscc) == col(Person.department)
    )
    query = query.where(
        col(Person.roles).op("&&")(array(roles, type_=TEXT)),
        col(Person.status) == "active",
        col(Department.status) == "active",
    )
    rows = (await session.exec(query)).all()
    return [
        Administrator(person_id, uscc, region_code, frozenset(held))
        for person_id, held, uscc, region_code in rows
    ]
