"""安全, 审计, 运行: people, the audit log, and how the platform is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from fastapi import APIRouter, Response

from auth import people
from auth.directory import Active
from auth.people import NewPerson, PersonChange
from auth.principal import Role, Scope
from gateway.api import audit as audit_api
from gateway.api import people as people_api
from gateway.api.audit import AuditEventView
from gateway.api.people import PersonChangeIn, PersonIn, PersonView
from gateway.console import forms, offered
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.clock import SHANGHAI

router = APIRouter()
YEARS = range(2000, 2200)
PEOPLE, PERSON, NEW = "people.html", "person.html", "person_new.html"


@dataclass(frozen=True, slots=True)
class People:
    people: Sequence[PersonView]
    next_cursor: str | None


@page(router, "/console/people", PEOPLE)
async def listed(visit: Visit) -> People:
    visit.principal.require_role(Role.SECURITY)
    role, status = visit.query("role"), visit.query("status")
    async with visit.reading() as session:
        found = await people_api.find(
            session,
            visit.principal,
            visit.paging,
            (visit.query("q") or "")[:100] or None,
            visit.query("department"),
            Role(role) if role in set(Role) else None,
            "suspended" if status == "suspended" else None,
        )
    return People(found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class NewPersonPage:
    department: str
    departments: Sequence[Active]


@page(router, "/console/people/new", NEW)
async def new(visit: Visit) -> NewPersonPage:
    visit.principal.require_role(Role.SECURITY)
    async with visit.reading() as session:
        departments = await offered.departments(session, within=visit.principal.region_code)
    return NewPersonPage(visit.principal.department, departments)


async def register(visit: Visit) -> Go:
    """Register a person; the hash of the password is made before the transaction."""
    visit.principal.require_role(Role.SECURITY)
    typed = {name: visit.text(name) for name in ("username", "name", "department")}
    password = visit.typed("password")
    body = forms.body(
        PersonIn, {**forms.present(typed), "roles": visit.texts("roles"), "password": password}
    )
    person = NewPerson(
        body.username,
        body.name,
        body.department,
        frozenset(body.roles),
        body.password,
        temporary=visit.using.settings.needs_temporary_passwords,
    )
    ready = await people.prepared(person)
    async with visit.writing() as session:
        made = await people.register(session, visit.principal, ready, now=visit.now)
    return Go(f"/console/people/{made.id}", N_("人员已登记。"))


act(router, "/console/people/new", new, NEW)(register)


@dataclass(frozen=True, slots=True)
class PersonPage:
    person: PersonView
    revision: int


@page(router, "/console/people/{id}", PERSON)
async def one(visit: Visit) -> PersonPage:
    visit.principal.require_scope(Scope.ADMIN)
    response = Response()
    async with visit.reading() as session:
        person = await people_api.get(visit.part("id"), session, visit.principal, response)
    return PersonPage(person, int(response.headers["ETag"].strip('"')))


async def change(visit: Visit) -> Go:
    """Change name, roles or standing, or set another password, which is temporary."""
    visit.principal.require_role(Role.SECURITY)
    person_id = visit.part("id")
    body = forms.body(PersonChangeIn, _changes(visit))
    wanted = await people.prepared_change(
        PersonChange(
            name=body.name,
            roles=None if body.roles is None else frozenset(body.roles),
            status=body.status,
            password=body.password,
            temporary=visit.using.settings.needs_temporary_passwords,
        )
    )
    revision = forms.whole(visit.text("revision"))
    known = revision if isinstance(revision, int) else None
    async with visit.writing() as session:
        await people.change(session, visit.principal, person_id, known, wanted)
    return Go(f"/console/people/{person_id}", N_("已保存。"))


def _changes(visit: Visit) -> dict[str, Any]:
    """Return what the button that was pressed wants changed."""
    if status := visit.text("status"):
        return {"status": status}
    if password := visit.typed("password"):
        return {"password": password}
    return {"name": visit.text("name"), "roles": visit.texts("roles")}


act(router, "/console/people/{id}", one, PERSON)(change)


@dataclass(frozen=True, slots=True)
class AuditLog:
    events: Sequence[AuditEventView]
    next_cursor: str | None


@page(router, "/console/audit", "audit.html")
async def audit_log(visit: Visit) -> AuditLog:
    visit.principal.require_scope(Scope.AUDIT_READ)
    async with visit.reading() as session:
        found = await audit_api.page(
            visit.principal,
            session,
            visit.paging,
            since=_day(visit.query("since")),
            until=_day(visit.query("until")),
            actor_id=visit.query("actor_id"),
            subject_id=visit.query("subject_id"),
            event=visit.query("event"),
        )
    return AuditLog(found.items, found.next_cursor)


def _day(text: str | None) -> datetime | None:
    """Return the beginning of a day in Shanghai, None for what is no day of the log's."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return datetime.combine(day, time(), SHANGHAI) if day.year in YEARS else None
