"""Departments: registered by the operator, found by everyone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth import administrators, duties, restoration
from auth.duties import Operation
from auth.events import AuthEvent
from auth.principal import Principal
from auth.regions import checking
from auth.regions.codes import REGION, canonical
from auth.regions.tree import current
from auth.rules import check_uscc
from auth.store import clients, people
from auth.store import departments as store
from auth.tables import Department
from kernel import audit, changes
from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, Invalid, NotFound, Stale
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = [
    "Department",
    "NewDepartment",
    "add",
    "audited",
    "change",
    "find",
    "load",
    "register",
    "require_active",
    "require_change",
    "set_standing_consent",
]

SUBJECT = "department"
FORMER_NAMES_MAX = 100


@dataclass(frozen=True, slots=True)
class NewDepartment:
    uscc: str
    name: str
    region_code: str
    authority: bool = False


async def register(
    session: WriteSession, principal: Principal, new: NewDepartment, *, now: datetime
) -> Department:
    """Register a department of the operator's division or below it.

    Raises RoleRequired, NotYourDepartment, Invalid (`check_digit`), Conflict when it is there.
    """
    duties.require(principal, Operation.MANAGE_DEPARTMENT, new)
    return await add(session, principal.actor, new, now=now)


async def add(
    session: WriteSession, actor: Actor, new: NewDepartment, *, now: datetime
) -> Department:
    """Register a department without asking who wants it: for the first ones."""
    errors = FieldErrors()
    check_uscc(new.uscc, errors)
    checking.check(new.region_code, errors)
    errors.raise_if_any()
    department = Department(
        uscc=new.uscc,
        name=new.name,
        region_code=canonical(new.region_code),
        authority=new.authority,
        created_at=now,
    )
    if not await store.add(session, department):
        raise Conflict("该部门已登记", "The department is registered already")
    _record(session, actor, AuthEvent.DEPARTMENT_REGISTERED, new.uscc, name=new.name)
    return department


async def change(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    revision: int | None,
    values: Mapping[str, Any],
    *,
    now: datetime,
) -> Department:
    """Change name, region_code, authority or status; raises NotFound, Stale, Invalid.

    A department that was merged stays abolished (Conflict); of a renamed one the old name is kept.
    With an abolished department ends for ever what was issued to its people and clients. Raises
    LastAdministrator where nobody would be left to administer its division.
    """
    duties.require_role(principal, Operation.MANAGE_DEPARTMENT)
    department = await load(session, uscc)
    duties.require(principal, Operation.MANAGE_DEPARTMENT, department)
    require_change(values)
    values = _checked_change(values)
    target = values.get("region_code", department.region_code)
    duties.require(principal, Operation.MANAGE_DEPARTMENT, NewDepartment(uscc, "", target))
    async with administrators.remaining(session, department_uscc=uscc):
        present = await store.lock(session, uscc) or department
        _require_not_merged(present, values)
        written = dict(values) | _renamed(present, values, now)
        changed = await store.change(session, uscc, revision, written)
    if changed.status == "abolished":
        await people.end_tokens_of(session, uscc)
        await clients.end_tokens_of(session, uscc)
    _record(session, principal.actor, AuthEvent.DEPARTMENT_CHANGED, uscc, **values)
    restoration.tell(session, AuthEvent.DEPARTMENT_CHANGED, uscc, values)
    await changes.announce(session, SUBJECT, uscc)
    return changed


def _renamed(department: Department, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the former names with the one that ends; the oldest go where there are too many."""
    if values.get("name", department.name) == department.name:
        return {}
    ended = {"name": department.name, "until": local_date(now).isoformat()}
    return {"former_names": [*department.former_names, ended][-FORMER_NAMES_MAX:]}


def _require_not_merged(department: Department, values: Mapping[str, Any]) -> None:
    if department.successor is not None and values.get("status") == "active":
        raise Conflict(
            f"该部门已并入 {department.successor}，不能恢复",
            f"The department was merged into {department.successor} and stays abolished",
        )


def _checked_change(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the change with its division in the one spelling; raises Invalid for an ended one."""
    if "region_code" not in values:
        return values
    errors = FieldErrors()
    checking.check(values["region_code"], errors)
    errors.raise_if_any()
    return {**values, "region_code": canonical(values["region_code"])}


async def set_standing_consent(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    revision: int | None,
    *,
    enabled: bool,
) -> Department:
    """Agree ahead to requests for unconditional resources, by the department's head (Art 20)."""
    duties.require_role(principal, Operation.CONSENT)
    department = await store.lock(session, uscc)
    if department is None:
        raise NotFound
    duties.require(principal, Operation.CONSENT, department)
    if revision not in (None, department.revision):
        raise Stale
    if department.standing_consent == enabled:
        return department
    event = AuthEvent.STANDING_CONSENT_GIVEN if enabled else AuthEvent.STANDING_CONSENT_WITHDRAWN
    _record(session, principal.actor, event, uscc)
    restoration.tell(session, event, uscc)
    await changes.announce(session, SUBJECT, uscc)
    return await store.change(session, uscc, department.revision, {"standing_consent": enabled})


async def load(session: ReadSession, uscc: str) -> Department:
    """Return the department; raises NotFound."""
    department = await store.get(session, uscc)
    if department is None:
        raise NotFound
    return department


async def find(
    session: ReadSession,
    page: PageRequest,
    *,
    text: str | None = None,
    region_code: str | None = None,
    authority: bool | None = None,
) -> Page[Department]:
    return await store.find(session, page, text=text, region_code=region_code, authority=authority)


async def audited(session: ReadSession, principal: Principal) -> Collection[str] | None:
    """Return the departments whose acts an auditor reads; None is everything, the system's too."""
    if current(principal.region_code) == REGION:
        return None
    return await store.codes_within(session, duties.divisions(principal.region_code))


def require_change(values: Mapping[str, Any]) -> None:
    """Raise Invalid for a change of nothing: it would need no role, and count as a revision."""
    if not values:
        raise Invalid("未提供任何要修改的字段", "No field to change is named")


def require_active(department: Department | None, errors: FieldErrors) -> None:
    """Add a field error unless the department exists and has not been abolished."""
    if department is not None and department.successor is not None:
        errors.add(
            "department",
            "not_in_code_list",
            f"部门已并入 {department.successor}",
            f"was merged into {department.successor}",
            allowed=[department.successor],
        )
    elif department is None or department.status != "active":
        errors.add("department", "not_in_code_list", "部门未登记", "is not a registered department")


def _record(
    session: WriteSession, actor: Actor, event: AuthEvent, uscc: str, **details: object
) -> None:
    audit.record(session, actor, event, SUBJECT, uscc, **details)
