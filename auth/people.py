"""People: members of staff, kept by the security administrator of their division."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from auth import (
    administrators,
    departments,
    duties,
    passwords,
    restoration,
    revocations,
    rules,
)
from auth.duties import Operation
from auth.events import AuthEvent
from auth.principal import Principal, Role
from auth.store import departments as department_store
from auth.store import people as store
from auth.store import sign_ins, tokens
from auth.store.departments import Known
from auth.tables import Department, Person
from kernel import audit, changes
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, Forbidden, NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest

SUBJECT = "person"


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who is to be registered; `temporary` has the sign-in page ask for another password first.

    `password_hash` is empty until `prepared` has computed it.
    """

    username: str
    name: str
    department: str
    roles: frozenset[Role]
    password: str = field(repr=False)
    temporary: bool = False
    password_hash: str = field(default="", repr=False)


async def prepared(new: NewPerson) -> NewPerson:
    """Return the person with the hash of its password; before a transaction, as it takes long."""
    hashed = await passwords.digest_of_fair(new.password, new.username)
    return replace(new, password_hash=hashed)


async def register(
    session: WriteSession, principal: Principal, new: NewPerson, *, now: datetime
) -> Person:
    """Register a person of the caller's division.

    Raises RoleRequired, NotYourDepartment, Invalid, or Conflict when the username is taken.
    """
    duties.require_role(principal, Operation.MANAGE_PERSON)
    department = await _checked(session, new)
    duties.require(principal, Operation.MANAGE_PERSON, department)
    return await _add(session, principal.actor, new, now=now)


async def add(session: WriteSession, actor: Actor, new: NewPerson, *, now: datetime) -> Person:
    """Register a person without asking who wants it: for the first ones."""
    await _checked(session, new)
    return await _add(session, actor, new, now=now)


async def _add(session: WriteSession, actor: Actor, new: NewPerson, *, now: datetime) -> Person:
    if not new.password_hash:
        raise ValueError("the password was not prepared")
    person = Person(
        id=new_id(),
        username=new.username,
        name=new.name,
        department=new.department,
        roles=sorted(new.roles),
        password_hash=new.password_hash,
        password_temporary=new.temporary,
        created_at=now,
    )
    if not await store.add(session, person):
        raise Conflict("用户名已被使用", "The username is taken")
    details = {
        "username": new.username,
        "department": new.department,
        "roles": person.roles,
        "temporary": new.temporary,
    }
    audit.record(session, actor, AuthEvent.PERSON_REGISTERED, SUBJECT, person.id, **details)
    return person


async def _checked(session: ReadSession, new: NewPerson) -> Department:
    """Return the department of a new person; raises Invalid."""
    errors = FieldErrors()
    rules.check_roles(new.roles, errors)
    rules.check_password(new.password, new.username, errors, "password")
    department = await department_store.get(session, new.department)
    departments.require_active(department, errors)
    errors.raise_if_any()
    if department is None:
        raise NotFound
    return department


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What is to change; None leaves a value as it is.

    A password set by another is `temporary` where the platform is not for development;
    `password_hash` is empty until `prepared_change` has computed it.
    """

    name: str | None = None
    department: str | None = None
    roles: frozenset[Role] | None = None
    status: str | None = None
    password: str | None = field(default=None, repr=False)
    temporary: bool = False
    password_hash: str = field(default="", repr=False)

    @property
    def is_empty(self) -> bool:
        values = (self.name, self.department, self.roles, self.status, self.password)
        return all(value is None for value in values)


async def prepared_change(wanted: PersonChange) -> PersonChange:
    """Return the change with the hash of its password; before a transaction."""
    if wanted.password is None:
        return wanted
    return replace(wanted, password_hash=await passwords.digest_of_fair(wanted.password, ""))


async def change(
    session: WriteSession,
    principal: Principal,
    person_id: str,
    revision: int | None,
    wanted: PersonChange,
) -> Person:
    """Change a person; suspension or a new password ends every token issued before.

    Raises Invalid, NotFound, Stale, LastAdministrator, and Conflict when one would suspend
    oneself or set one's own password without the old one.
    """
    duties.require_role(principal, Operation.MANAGE_PERSON)
    person, _ = await _managed(session, principal, person_id)
    departments.require_change({} if wanted.is_empty else {"wanted": wanted})
    _check_not_oneself(principal, person, wanted)
    await _check_change(session, principal, person, wanted)
    async with administrators.remaining(session, person_id=person.id):
        changed = await store.change(session, person_id, revision, _values(wanted))
    if wanted.password is not None:
        await sign_ins.remove_of(session, person_id)
    secret = ("password_hash", "generation")
    told = {key: value for key, value in _values(wanted).items() if key not in secret}
    details = {**told, "password_reset": wanted.password is not None}
    event = AuthEvent.PERSON_CHANGED
    audit.record(session, principal.actor, event, SUBJECT, person_id, **details)
    restoration.tell(session, event, person_id, _values(wanted))
    await changes.announce(session, SUBJECT, person_id)
    return changed


def _check_not_oneself(principal: Principal, person: Person, wanted: PersonChange) -> None:
    if person.id != principal.id:
        return
    if wanted.status == "suspended":
        raise Conflict("不能停用自己的账号", "One cannot suspend oneself")
    if wanted.password is not None:
        raise Conflict(
            "修改本人口令须提供原口令，请使用 /v1/me/password",
            "One's own password needs the old one: use /v1/me/password",
        )


async def _check_change(
    session: ReadSession, principal: Principal, person: Person, wanted: PersonChange
) -> None:
    errors = FieldErrors()
    if wanted.roles is not None:
        rules.check_roles(wanted.roles, errors)
    if wanted.password is not None:
        rules.check_password(wanted.password, person.username, errors, "password")
    target = None
    if wanted.department is not None:
        target = await department_store.get(session, wanted.department)
        departments.require_active(target, errors)
    errors.raise_if_any()
    if target is not None:
        duties.require(principal, Operation.MANAGE_PERSON, target)


def _values(wanted: PersonChange) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": wanted.name,
        "department": wanted.department,
        "roles": None if wanted.roles is None else sorted(wanted.roles),
        "status": wanted.status,
    }
    values = {key: value for key, value in given.items() if value is not None}
    if wanted.password is not None:
        values["password_hash"] = wanted.password_hash
        values["password_temporary"] = wanted.temporary
    if wanted.password is not None or wanted.status == "suspended":
        values["generation"] = Person.generation + 1
    return values


async def reset_password(
    session: WriteSession, actor: Actor, person: Person, hashed: str, *, temporary: bool
) -> None:
    """Set a password by its hash and end everything that was issued before."""
    values = {
        "password_hash": hashed,
        "password_temporary": temporary,
        "generation": Person.generation + 1,
    }
    await store.change(session, person.id, None, values)
    await sign_ins.remove_of(session, person.id)
    audit.record(
        session, actor, AuthEvent.PASSWORD_CHANGED, SUBJECT, person.id, temporary=temporary
    )
    restoration.tell(session, AuthEvent.PASSWORD_CHANGED, person.id)
    await changes.announce(session, SUBJECT, person.id)


async def own_new_password(database: Database, principal: Principal, old: str, new: str) -> str:
    """Return the hash of the password that the caller chose; raises Invalid for an unfair one."""
    async with database.reading() as session:
        person = await own(session, principal)
    errors = FieldErrors()
    rules.check_password(new, person.username, errors, "new_password")
    if not errors.found and rules.normal(old) == rules.normal(new):
        errors.add("new_password", "pattern", "新口令不得与原口令相同", "must not be the old one")
    errors.raise_if_any()
    return await passwords.digest(new)


async def change_own_password(
    session: WriteSession,
    principal: Principal,
    confirmed: str,
    hashed: str,
    *,
    now: datetime,
) -> None:
    """Set the caller's password and end all the caller's sessions but the present one.

    `confirmed` is the hash that the old password fitted (`sign_in.confirm`), `hashed` that of the
    new one. Raises Conflict when the password was changed meanwhile.
    """
    person = await store.lock(session, principal.id)
    if person is None or person.password_hash != confirmed:
        raise Conflict("口令刚被修改，请重试", "The password was changed just now; try again")
    await _replace(session, person, hashed, now=now, except_jti=principal.token_id)


async def replace_temporary(
    session: WriteSession, person: Person, hashed: str, *, now: datetime
) -> None:
    """Set the password that a locked person chose instead of the temporary one."""
    await _replace(session, person, hashed, now=now, except_jti="")


async def _replace(
    session: WriteSession, person: Person, hashed: str, *, now: datetime, except_jti: str
) -> None:
    values = {"password_hash": hashed, "password_temporary": False}
    await store.change(session, person.id, None, values)
    await sign_ins.remove_of(session, person.id)
    actor = Actor(SUBJECT, person.id, person.department)
    for token in await tokens.end_person(session, person.id, now, except_jti=except_jti):
        await revocations.revoke(session, actor, token.jti, token.expires_at)
    audit.record(session, actor, AuthEvent.PASSWORD_CHANGED, SUBJECT, person.id, temporary=False)
    restoration.tell(session, AuthEvent.PASSWORD_CHANGED, person.id)


async def own(session: ReadSession, principal: Principal) -> Person:
    """Return the person who is calling; raises Forbidden for a client."""
    if principal.kind != "person":
        raise Forbidden("只有人员账号可以执行此操作", "Only a person can do this")
    return await _load(session, principal.id)


async def get(session: ReadSession, principal: Principal, person_id: str) -> Person:
    """Return a person to the security administrator of the division, or oneself; NotFound."""
    if principal.kind == "person" and principal.id == person_id:
        return await _load(session, person_id)
    person, _ = await _managed(session, principal, person_id)
    return person


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
    """List the people of the caller's division; raises RoleRequired."""
    duties.require_role(principal, Operation.MANAGE_PERSON)
    known = Known.of(principal, Operation.MANAGE_PERSON)
    return await store.find(
        session, page, known, text=text, department=department, role=role, status=status
    )


async def _managed(
    session: ReadSession, principal: Principal, person_id: str
) -> tuple[Person, Department]:
    """Return a person whom the caller keeps, with the department; NotFound for any other."""
    person = await _load(session, person_id)
    department = await departments.load(session, person.department)
    duties.require_known(principal, Operation.MANAGE_PERSON, department)
    return person, department


async def _load(session: ReadSession, person_id: str) -> Person:
    person = await store.get(session, person_id)
    if person is None:
        raise NotFound
    return person
