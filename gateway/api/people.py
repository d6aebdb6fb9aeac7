"""`/v1/people`: members of staff, kept by the security administrator (`api.md` section 2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field, StrictBool, StringConstraints

from auth import people
from auth.people import NewPerson, PersonChange
from auth.principal import Role, Scope
from gateway import names
from gateway.api.registry import Line, Words
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.names import Fields
from gateway.once import Once, creating
from gateway.principal import Admin
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/people", tags=["people"])

Creating = Annotated[Once, Depends(creating(Scope.ADMIN, Role.SECURITY))]

Status = Literal["active", "suspended"]
PersonId = Annotated[str, Path(max_length=64)]
Username = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S+$")]
Department = Annotated[str, Field(min_length=1, max_length=64)]
# The form of the sign-in page strips nothing either.
Password = Annotated[
    str,
    StringConstraints(strip_whitespace=False, max_length=1024),
    Field(
        description="至少 10 个字符，不得为用户名或常见口令 / "
        "10 characters or more, not the username, no common password",
        json_schema_extra={"format": "password", "writeOnly": True},
    ),
]


class PersonIn(Wire):
    username: Username
    name: Line
    department: Department
    roles: Annotated[list[Role], Field(max_length=len(Role))]
    password: Password
    temporary: Annotated[
        StrictBool | None,
        Field(
            description="首次登录须更换口令；默认 true，开发环境 false / "
            "must be changed at the first sign-in; default true, false in development"
        ),
    ] = None


class PersonChangeIn(Wire):
    """What is absent stays; suspension or a new password ends the person's tokens.

    A password set here is temporary, as that of a new person. One's own is not set here.
    """

    name: Line | None = None
    department: Department | None = None
    roles: Annotated[list[Role], Field(max_length=len(Role))] | None = None
    status: Status | None = None
    password: Password | None = None


class PersonView(Wire):
    id: str
    username: str
    name: str
    department: str
    department_name: str | None
    roles: list[Role]
    status: Status
    created_at: datetime


async def _views(session: ReadSession, found: Sequence[BaseModel]) -> list[PersonView]:
    taken = set(PersonView.model_fields)
    views: list[Fields] = [person.model_dump(include=taken) for person in found]
    await names.add(session, views)
    return [PersonView.model_validate(view) for view in views]


async def _view(
    session: ReadSession, person: BaseModel, revision: int, response: Response
) -> PersonView:
    tag(response, revision)
    return (await _views(session, [person]))[0]


async def _new(body: PersonIn, using: Using, principal: Admin) -> NewPerson:
    """Compute the hash before any transaction: Argon2 must not keep a connection waiting."""
    principal.require_role(Role.SECURITY)
    usual = using.settings.needs_temporary_passwords
    return await people.prepared(
        NewPerson(
            body.username,
            body.name,
            body.department,
            frozenset(body.roles),
            body.password,
            temporary=usual if body.temporary is None else body.temporary,
        )
    )


async def _change(body: PersonChangeIn, using: Using, principal: Admin) -> PersonChange:
    """Compute the hash before any transaction, as `_new` does."""
    principal.require_role(Role.SECURITY)
    return await people.prepared_change(
        PersonChange(
            name=body.name,
            department=body.department,
            roles=None if body.roles is None else frozenset(body.roles),
            status=body.status,
            password=body.password,
            temporary=using.settings.needs_temporary_passwords,
        )
    )


@router.post("", status_code=201)
async def register(
    new: Annotated[NewPerson, Depends(_new)],
    once: Creating,
    session: Writing,
    principal: Admin,
    response: Response,
) -> PersonView:
    """登记人员及其角色 / register a person with roles; by security."""
    person = await people.register(session, principal, new, now=clock.now())
    return await once.keep(await _view(session, person, person.revision, response))


@router.get("")
async def find(
    session: Reading,
    principal: Admin,
    page: Paging,
    q: Words = None,
    department: Annotated[str | None, Query(max_length=64)] = None,
    role: Role | None = None,
    status: Status | None = None,
) -> ListOf[PersonView]:
    """人员列表 / the people of one's own division or department."""
    found = await people.find(
        session, principal, page, text=q, department=department, role=role, status=status
    )
    items = await _views(session, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{person_id}")
async def get(
    person_id: PersonId, session: Reading, principal: Admin, response: Response
) -> PersonView:
    """一名人员 / one person."""
    person = await people.get(session, principal, person_id)
    return await _view(session, person, person.revision, response)


@router.patch("/{person_id}")
async def change(
    person_id: PersonId,
    wanted: Annotated[PersonChange, Depends(_change)],
    revision: Revision,
    session: Writing,
    principal: Admin,
    response: Response,
) -> PersonView:
    """更改人员、角色或状态 / change a person, roles or status; by security."""
    person = await people.change(session, principal, person_id, revision, wanted)
    return await _view(session, person, person.revision, response)
