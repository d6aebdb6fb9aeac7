"""SQL of what a token's subject may do at this moment."""

from dataclasses import dataclass
from typing import Literal

from sqlmodel import col, select

from auth.principal import RateLimit
from auth.tables import Client, Department, Person
from kernel.database import ReadSession


@dataclass(frozen=True, slots=True)
class Standing:
    """A person or client with its department, as the database says now."""

    department: str
    region_code: str
    is_authority: bool
    active: bool
    generation: int
    roles: tuple[str, ...]
    scopes: tuple[str, ...] | None
    rate_limit: RateLimit | None


async def get(
    session: ReadSession, kind: Literal["person", "client"], subject_id: str
) -> Standing | None:
    """Return the standing; `scopes` is None for a person, who has those of the token."""
    if kind == "client":
        return await _client(session, subject_id)
    query = select(Person, Department).join(
        Department, col(Department.uscc) == col(Person.department)
    )
    found = (await session.exec(query.where(col(Person.id) == subject_id))).first()
    return found and _standing(*found, tuple(found[0].roles), None)


async def _client(session: ReadSession, client_id: str) -> Standing | None:
    query = select(Client, Department).join(
        Department, col(Department.uscc) == col(Client.department)
    )
    found = (await session.exec(query.where(col(Client.client_id) == client_id))).first()
    return found and _standing(*found, (), tuple(found[0].scopes))


def _standing(
    subject: Person | Client,
    department: Department,
    roles: tuple[str, ...],
    scopes: tuple[str, ...] | None,
) -> Standing:
    limit = subject.rate_limit if isinstance(subject, Client) else None
    return Standing(
        department.uscc,
        department.region_code,
        department.authority,
        subject.status == "active" and department.status == "active",
        subject.generation,
        roles,
        scopes,
        RateLimit(**limit) if limit else None,
    )
