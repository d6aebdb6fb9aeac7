"""People: members of staff, kept by the security administrator."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth import departments, passwords, revocations, rules
from auth.events import AuthEvent
from auth.principal import Principal, Role
from auth.store import departments as department_store
from auth.store import people as store
from auth.store import sign_ins, tokens
from auth.tables import Person
from kernel import audit, changes
from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, Forbidden, NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest

SUBJECT = "person"


@dataclass(frozen=True, slots=True)
class NewPerson:
    username: str
    name: str
    department: str
    roles: frozenset[Role]
    password: str = field(repr=False)


async def register(
    session: WriteSession, principal: Principal, new: NewPerson, *, now: datetime
) -> Person:
    """Register a person; raises Invalid, or Conflict when the username is taken."""
    principal.require_role(Role.SECURITY)
    return await add(session, principal.actor, new, now=now)


async def add(session: WriteSession, actor: Actor, new: NewPerson, *, now: datetime) -> Person:
    """Register a person without asking who wants it: for the first ones."""
    await _check(session, new)
    person = Person(
        id=new_id(),
        username=new.username,
        name=new.name,
        department=new.department,
        roles=sorted(new.roles),
        password_hash=await passwords.digest(new.password),
        created_at=now,
    )
    if not await store.add(session, person):
        raise Conflict("用户名已被使用", "The username is taken")
    details = {"username": new.username, "department": new.department, "roles": person.roles}
    audit.record(session, actor, AuthEvent.PERSON_REGISTERED, SUBJECT, person.id, **details)
    return person


async def _check(session: ReadSession, new: NewPerson) -> None:
    errors = FieldErrors()
    rules.check_roles(new.roles, errors)
    rules.check_password(new.password, new.username, errors, "password")
    department = await department_store.get(session, new.department)
    departments.require_active(department, errors)
    errors.raise_if_any()


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What is to change; None leaves a value as it is."""

    name: str | None = None
    department: str | None = None
    roles: frozenset[Role] | None = None
    status: str | None = None
    password: str | None = field(default=None, repr=False)


async def change(
    session: WriteSession,
    principal: Principal,
    person_id: str,
    revision: int | None,
    wanted: PersonChange,
) -> Person:
    """Change a person; suspension or a new password ends every token issued before.

    Raises Invalid, NotFound, Stale, and Conflict when one would suspend oneself.
    """
    principal.require_role(Role.SECURITY)
    person = await _load(session, person_id)
    if wanted.status == "suspended" and person.id == principal.id:
        raise Conflict("不能停用自己的账号", "One cannot suspend oneself")
    await _check_change(session, person, wanted)
    values = await _values(person, wanted)
    changed = await store.change(session, person_id, revision, values)
    told = {key: value for key, value in values.items() if key != "password_hash"}
    details = {**told, "password_reset": wanted.password is not None}
    event = AuthEvent.PERSON_CHANGED
    audit.record(session, principal.actor, event, SUBJECT, person_id, **details)
    await changes.announce(session, SUBJECT, person_id)
    return changed


async def _check_change(session: ReadSession, person: Person, wanted: PersonChange) -> None:
    errors = FieldErrors()
    if wanted.roles is not None:
        rules.check_roles(wanted.roles, errors)
    if wanted.password is not None:
        rules.check_password(wanted.password, person.username, errors, "password")
    if wanted.department is not None:
        department = await department_store.get(session, wanted.department)
        departments.require_active(department, errors)
    errors.raise_if_any()


async def _values(person: Person, wanted: PersonChange) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": wanted.name,
        "department": wanted.department,
        "roles": None if wanted.roles is None else sorted(wanted.roles),
        "status": wanted.status,
    }
    values = {key: value for key, value in given.items() if value is not None}
    if wanted.password is not None:
        values["password_hash"] = await passwords.digest(wanted.password)
    if wanted.password is not None or wanted.status == "suspended":
        values["generation"] = person.generation + 1
    return values


async def reset_password(
    session: WriteSession, actor: Actor, person: Person, password: str
) -> None:
    """Set a new password and end everything that was issued before."""
    values = await _values(person, PersonChange(password=password))
    await store.change(session, person.id, person.revision, values)
    audit.record(session, actor, AuthEvent.PASSWORD_CHANGED, SUBJECT, person.id)
    await changes.announce(session, SUBJECT, person.id)


async def change_own_password(
    session: WriteSession, principal: Principal, password: str, *, now: datetime
) -> None:
    """Set the caller's password and end all the caller's sessions but the present one.

    The old password was confirmed before (`sign_in.confirm`). Raises Invalid.
    """
    person = await own(session, principal)
    errors = FieldErrors()
    rules.check_password(password, person.username, errors, "new_password")
    errors.raise_if_any()
    hashed = await passwords.digest(password)
    await store.change(session, person.id, person.revision, {"password_hash": hashed})
    await sign_ins.remove_of(session, person.id)
    ended = await tokens.end_person(session, person.id, now, except_jti=principal.token_id)
    for token in ended:
        await revocations.revoke(session, principal.actor, token.jti, token.expires_at)
    audit.record(session, principal.actor, AuthEvent.PASSWORD_CHANGED, SUBJECT, person.id)


async def own(session: ReadSession, principal: Principal) -> Person:
    """Return the person who is calling; raises Forbidden for a client."""
    if principal.kind != "person":
        raise Forbidden("只有人员账号可以执行此操作", "Only a person can do this")
    return await _load(session, principal.id)


async def get(session: ReadSession, principal: Principal, person_id: str) -> Person:
    """Return a person to the security administrator, or oneself; NotFound to others."""
    if Role.SECURITY not in principal.roles and principal.id != person_id:
        raise NotFound
    return await _load(session, person_id)


async def find(
    session: ReadSession,
    principal: Principal,
    page: PageRequest,
    *,
    text: str | None = None,
    department: str | None = None,
    role: Role | None = None,
    status: str | None = None,
) -> Page[Person]:
    principal.require_role(Role.SECURITY)
    return await store.find(
        session, page, text=text, department=department, role=role, status=status
    )


async def _load(session: ReadSession, person_id: str) -> Person:
    person = await store.get(session, person_id)
    if person is None:
        raise NotFound
    return person
