"""The first people of a platform: one for security, one for operation, once."""

from dataclasses import dataclass, field
from datetime import datetime

from auth import departments, opaque, passwords, people
from auth.departments import NewDepartment
from auth.people import NewPerson
from auth.principal import Role
from auth.store import departments as department_store
from auth.store import keys as key_store
from auth.store import people as store
from kernel.actor import SYSTEM
from kernel.database import WriteSession
from kernel.errors import Conflict


@dataclass(frozen=True, slots=True)
class FirstPerson:
    """Who may sign in first; the password is shown once and should be changed at once."""

    username: str
    role: Role
    password: str = field(repr=False)


async def bootstrap(
    session: WriteSession, department: NewDepartment, *, now: datetime
) -> tuple[FirstPerson, FirstPerson]:
    """Create `security` and `operator` in the department; Conflict when anybody exists."""
    await key_store.lock(session)
    if await store.any_exists(session):
        raise Conflict("已有人员，不能再次初始化", "There are people already")
    await settle_department(session, department, now=now)
    first = [FirstPerson(role, role, opaque.new()) for role in (Role.SECURITY, Role.OPERATOR)]
    for person in first:
        new = NewPerson(
            person.username,
            person.username,
            department.uscc,
            frozenset({person.role}),
            person.password,
        )
        await people.add(session, SYSTEM, new, now=now)
    return first[0], first[1]


async def settle_department(
    session: WriteSession, department: NewDepartment, *, now: datetime
) -> None:
    """Register the department unless it is there."""
    if await department_store.get(session, department.uscc) is None:
        await departments.add(session, SYSTEM, department, now=now)


async def settle_person(session: WriteSession, new: NewPerson, *, now: datetime) -> None:
    """Register the person, or make the password fit that of somebody who is there."""
    person = await store.named(session, new.username)
    if person is None:
        await people.add(session, SYSTEM, new, now=now)
    elif not await passwords.fits(person.password_hash, new.password):
        await people.reset_password(session, SYSTEM, person, new.password)
