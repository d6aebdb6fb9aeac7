"""`/v1/people`: members of staff, kept by the security administrator (`api.md` section 2)."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, StringConstraints

from auth import people
from auth.people import NewPerson, PersonChange
from auth.principal import Role
from gateway.api.registry import Line, Words
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.once import Creating
from gateway.principal import Admin
from gateway.services import Reading, Writing
from kernel import clock
from kernel.wire import Wire

router = APIRouter(prefix="/v1/people", tags=["people"])

Status = Literal["active", "suspended"]
PersonId = Annotated[str, Path(max_length=64)]
Username = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S+$")]
Department = Annotated[str, Field(min_length=1, max_length=64)]
# The form of the sign-in page strips nothing either.
Password = Annotated[
    str,
    StringConstraints(strip_whitespace=False, max_length=1024),
    Field(
        description="至少 10 个字符，不得与用户名相同 / 10 characters or more",
        json_schema_extra={"format": "password", "writeOnly": True},
    ),
]


class PersonIn(Wire):
    username: Username
    name: Line
    department: Department
    roles: Annotated[list[Role], Field(max_length=len(Role))]
    password: Password


class PersonChangeIn(Wire):
    """What is absent stays; suspension or a new password ends the person's tokens."""

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
    roles: list[Role]
    status: Status
    created_at: datetime


@router.post("", status_code=201)
async def register(
    body: PersonIn, once: Creating, session: Writing, principal: Admin, response: Response
) -> PersonView:
    new = NewPerson(body.username, body.name, body.department, frozenset(body.roles), body.password)
    person = await people.register(session, principal, new, now=clock.now())
    tag(response, person.revision)
    return await once.keep(PersonView.model_validate(person))


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
    found = await people.find(
        session, principal, page, text=q, department=department, role=role, status=status
    )
    items = [PersonView.model_validate(row) for row in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{person_id}")
async def get(
    person_id: PersonId, session: Reading, principal: Admin, response: Response
) -> PersonView:
    person = await people.get(session, principal, person_id)
    tag(response, person.revision)
    return PersonView.model_validate(person)


@router.patch("/{person_id}")
async def change(
    person_id: PersonId,
    body: PersonChangeIn,
    revision: Revision,
    session: Writing,
    principal: Admin,
    response: Response,
) -> PersonView:
    wanted = PersonChange(
        name=body.name,
        department=body.department,
        roles=None if body.roles is None else frozenset(body.roles),
        status=body.status,
        password=body.password,
    )
    person = await people.change(session, principal, person_id, revision, wanted)
    tag(response, person.revision)
    return PersonView.model_validate(person)
