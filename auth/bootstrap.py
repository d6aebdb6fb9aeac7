"""The first people of a platform: one for security, one for operation, once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from auth import departments, opaque, passwords, people, rules
from auth.departments import NewDepartment
from auth.events import AuthEvent
from auth.people import NewPerson
from auth.principal import Role
from auth.store import departments as department_store
from auth.store import keys as key_store
from auth.store import people as store
from auth.tables import Person
from kernel import audit, changes
from kernel.actor import SYSTEM
from kernel.database import Database, WriteSession
from kernel.errors import Conflict, FieldErrors, NotFound


@dataclass(frozen=True, slots=True)
class FirstPerson:
    """Who may sign in first; the password is shown once and should be changed at once."""

    username: str
    role: Role
    password: str = field(repr=False)


async def first_people(department: str) -> tuple[tuple[FirstPerson, NewPerson], ...]:
    """Return who shall be made, with passwords that the sign-in page wants changed at once."""
    made = []
    for role in (Role.SECURITY, Role.OPERATOR):
        password = opaque.new()
        new = NewPerson(role, role, department, frozenset({role}), password, temporary=True)
        made.append((FirstPerson(role, role, password), await people.prepared(new)))
    return tuple(made)


async def bootstrap(
    session: WriteSession,
    department: NewDepartment,
    first: Sequence[NewPerson],
    *,
    now: datetime,
) -> None:
    """Create the first people in the department; Conflict when anybody exists."""
    await key_store.lock(session)
    if await store.any_exists(session):
        raise Conflict("已有人员，不能再次初始化", "There are people already")
    await settle_department(session, department, now=now)
    for new in first:
        await people.add(session, SYSTEM, new, now=now)


async def settle_department(
    session: WriteSession, department: NewDepartment, *, now: datetime
) -> None:
    """Register the department unless it is there."""
    if await department_store.get(session, department.uscc) is None:
        await departments.add(session, SYSTEM, department, now=now)


async def settle_person(database: Database, new: NewPerson, *, now: datetime) -> None:
    """Register the person, or make the password fit that of somebody who is there."""
    async with database.reading() as session:
        person = await store.named(session, new.username)
    if person is not None and await passwords.fits(person.password_hash, new.password):
        return
    prepared = await people.prepared(new)
    async with database.transaction() as session:
        if person is None:
            await people.add(session, SYSTEM, prepared, now=now)
        else:
            hashed = prepared.password_hash
            await people.reset_password(session, SYSTEM, person, hashed, temporary=new.temporary)


@dataclass(frozen=True, slots=True)
class Restored:
    """Who shall have access again: `department` is needed for somebody who is not there."""

    username: str
    role: Role
    department: str | None
    password_hash: str = field(repr=False)


async def restore_access(session: WriteSession, wanted: Restored, *, now: datetime) -> None:
    """Give somebody the role and a temporary password, when nobody is left to do it (break-glass).

    A suspended person and an abolished department are active again. Raises NotFound, Invalid.
    """
    person = await store.named(session, wanted.username)
    if person is None:
        person = await _stand_in(session, wanted, now)
    roles = frozenset(map(Role, person.roles)) | {wanted.role}
    errors = FieldErrors()
    rules.check_roles(roles, errors)
    errors.raise_if_any()
    person = await store.lock(session, person.id) or person
    values = {"roles": sorted(roles), "status": "active"}
    person = await store.change(session, person.id, None, values)
    hashed = wanted.password_hash
    await people.reset_password(session, SYSTEM, person, hashed, temporary=True)
    await _revive(session, person.department)
    details = {"username": wanted.username, "roles": sorted(roles)}
    audit.record(session, SYSTEM, AuthEvent.ACCESS_RESTORED, "person", person.id, **details)


async def _stand_in(session: WriteSession, wanted: Restored, now: datetime) -> Person:
    """Register somebody who is not there yet; raises NotFound without a department."""
    if wanted.department is None or await department_store.get(session, wanted.department) is None:
        raise NotFound
    await _revive(session, wanted.department)
    new = NewPerson(
        wanted.username,
        wanted.username,
        wanted.department,
        frozenset({wanted.role}),
        opaque.new(),
        temporary=True,
        password_hash=wanted.password_hash,
    )
    return await people.add(session, SYSTEM, new, now=now)


async def _revive(session: WriteSession, uscc: str) -> None:
    department = await departments.load(session, uscc)
    if department.status != "active":
        await department_store.change(session, uscc, None, {"status": "active"})
        event, details = AuthEvent.DEPARTMENT_CHANGED, {"status": "active"}
        audit.record(session, SYSTEM, event, departments.SUBJECT, uscc, **details)
        await changes.announce(session, departments.SUBJECT, uscc)
