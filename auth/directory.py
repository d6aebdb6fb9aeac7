"""Names of departments, clients and people, many at once: what is shown beside their codes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlmodel import col, select

from auth.duties import administers
from auth.principal import Principal, Role
from auth.regions.tree import covers
from auth.regions.within import within
from auth.tables import Client, Department, Person
from kernel.database import ReadSession


@dataclass(frozen=True, slots=True)
class Member:
    """A person as others may hear of it; `region_code` is the department's."""

    name: str
    department: str
    department_name: str
    region_code: str
    roles: frozenset[str]


async def departments(session: ReadSession, usccs: Collection[str]) -> Mapping[str, str]:
    query = select(Department.uscc, Department.name).where(col(Department.uscc).in_(usccs))
    return dict((await session.exec(query)).all())


async def regions(session: ReadSession, usccs: Collection[str]) -> Mapping[str, str]:
    """Return the divisions of departments."""
    query = select(Department.uscc, Department.region_code)
    return dict((await session.exec(query.where(col(Department.uscc).in_(usccs)))).all())


async def active_regions(session: ReadSession, usccs: Collection[str]) -> Mapping[str, str]:
    """Return the divisions of those departments that are active."""
    query = select(Department.uscc, Department.region_code).where(
        col(Department.uscc).in_(usccs), col(Department.status) == "active"
    )
    return dict((await session.exec(query)).all())


class Active(NamedTuple):
    uscc: str
    name: str
    region_code: str


async def active(session: ReadSession) -> Sequence[Active]:
    """Return all departments that act."""
    query = select(Department.uscc, Department.name, Department.region_code)
    rows = await session.exec(query.where(col(Department.status) == "active"))
    return [Active(*row) for row in rows]


async def by_name(
    session: ReadSession, most: int, *, region_code: str | None, but: str
) -> Sequence[Active]:
    """Return the first departments that act, by name; `but` is left out."""
    query = select(Department.uscc, Department.name, Department.region_code)
    query = query.where(col(Department.status) == "active", col(Department.uscc) != but)
    if region_code is not None:
        query = query.where(within(col(Department.region_code), region_code))
    named = col(Department.name).collate("C"), col(Department.uscc)
    return [Active(*row) for row in await session.exec(query.order_by(*named).limit(most))]


async def authorities(session: ReadSession) -> Mapping[str, str]:
    """Return the divisions of the departments that have authority over one."""
    query = select(Department.uscc, Department.region_code)
    active = query.where(col(Department.authority), col(Department.status) == "active")
    return dict((await session.exec(active)).all())


async def holding(session: ReadSession, role: Role) -> Mapping[str, str]:
    """Return the divisions of the departments where somebody active has a role."""
    query = (
        select(Department.uscc, Department.region_code)
        .join(Person, col(Person.department) == Department.uscc)
        .where(col(Department.status) == "active", col(Person.status) == "active")
        .where(col(Person.roles).contains([role]))
    )
    return dict((await session.exec(query)).all())


async def clients(session: ReadSession, client_ids: Collection[str]) -> Mapping[str, str]:
    query = select(Client.client_id, Client.name).where(col(Client.client_id).in_(client_ids))
    return dict((await session.exec(query)).all())


async def operators(
    session: ReadSession, client_ids: Collection[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Return the contractors that run clients, of those that are run by one (Art 36)."""
    query = select(Client.client_id, Client.operated_by).where(
        col(Client.client_id).in_(client_ids), col(Client.operated_by).is_not(None)
    )
    return {id_: said for id_, said in (await session.exec(query)).all() if said is not None}


async def people(session: ReadSession, person_ids: Collection[str]) -> Mapping[str, Member]:
    query = (
        select(Person.id, Person.name, Person.roles, Department)
        .join(Department, col(Department.uscc) == col(Person.department))
        .where(col(Person.id).in_(person_ids))
    )
    return {
        id_: Member(name, home.uscc, home.name, home.region_code, frozenset(roles))
        for id_, name, roles, home in (await session.exec(query)).all()
    }


async def name_of(session: ReadSession, principal: Principal) -> str | None:
    """Return the caller's own name."""
    if principal.kind == "client":
        return (await clients(session, [principal.id])).get(principal.id)
    member = (await people(session, [principal.id])).get(principal.id)
    return None if member is None else member.name


def may_name(principal: Principal, member: Member) -> bool:
    """Whether a person is named to the caller: to its department, its authority and auditors."""
    if principal.department == member.department:
        return True
    if Role.AUDITOR in principal.roles and administers(principal.region_code, member.region_code):
        return True
    oversees = principal.is_authority and Role.AUTHORITY in principal.roles
    return oversees and covers(principal.region_code, member.region_code)
