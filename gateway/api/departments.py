"""`/v1/departments`: organisations, registered by the operator (`api.md` section 2)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import StrictBool, StringConstraints

from auth import departments, directory
from auth.departments import NewDepartment
from auth.principal import Principal, Role, Scope
from exchange.stewardship import open_matters, succession
from gateway.api.registry import Line, Region, RegionInForce, Words
from gateway.lists import HeededRevision, ListOf, Paging, Revision, tag
from gateway.once import Once, creating
from gateway.principal import Admin, CatalogReader
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession, WriteSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/departments", tags=["departments"])

Creating = Annotated[Once, Depends(creating(Scope.ADMIN, Role.OPERATOR))]

Uscc = Annotated[str, Path(max_length=64, description="统一社会信用代码 / social credit code")]


class DepartmentIn(Wire):
    # As records have it: a blank around a code is wrong, and not cut.
    uscc: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=64)]
    name: Line
    region_code: Region
    authority: StrictBool = False


class DepartmentChangeIn(Wire):
    """What is absent stays; an abolished department's people and clients cannot act.

    With `if_unused` it is abolished only where nobody relies on it or waits for it.
    """

    name: Line | None = None
    region_code: Region | None = None
    authority: StrictBool | None = None
    status: Literal["active", "abolished"] | None = None
    if_unused: StrictBool = False


class StandingConsentIn(Wire):
    enabled: StrictBool


class FormerName(Wire):
    """A name that the department bore up to a day, that one excluded."""

    name: str
    until: date


class DepartmentView(Wire):
    """`successor` is the department that an abolished one was merged into."""

    uscc: str
    name: str
    region_code: str
    authority: bool
    standing_consent: bool
    status: Literal["active", "abolished"]
    successor: str | None
    successor_name: str | None
    former_names: list[FormerName]
    open: dict[str, int] | None = None
    created_at: datetime


async def _views(
    session: ReadSession, rows: Sequence[departments.Department]
) -> list[DepartmentView]:
    """Return the departments as they are shown, with the names of their successors."""
    successors = {row.successor for row in rows if row.successor is not None}
    labels = await directory.departments(session, successors) if successors else {}
    return [
        DepartmentView.model_validate(
            row.model_dump(include=set(DepartmentView.model_fields))
            | {"successor_name": labels.get(row.successor or "")}
        )
        for row in rows
    ]


async def _view(session: ReadSession, row: departments.Department) -> DepartmentView:
    """Return one department; of an abolished one also what is left to be concluded."""
    view = (await _views(session, [row]))[0]
    if row.status == "abolished":
        view.open = await open_matters.of(session, row.uscc)
    return view


@router.post("", status_code=201)
async def register(
    body: DepartmentIn, once: Creating, session: Writing, principal: Admin, response: Response
) -> DepartmentView:
    """登记部门 / register a department; by the operator."""
    new = NewDepartment(**body.model_dump())
    department = await departments.register(session, principal, new, now=clock.now())
    tag(response, department.revision)
    return await once.keep(await _view(session, department))


@router.get("")
async def find(
    session: Reading,
    _: CatalogReader,
    page: Paging,
    q: Words = None,
    region_code: Annotated[RegionInForce | None, Query()] = None,
    authority: bool | None = None,  # noqa: FBT001 - a query parameter
) -> ListOf[DepartmentView]:
    """部门列表 / the departments, by their code."""
    found = await departments.find(
        session, page, text=q, region_code=region_code, authority=authority
    )
    items = await _views(session, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{uscc}")
async def get(uscc: Uscc, session: Reading, _: CatalogReader, response: Response) -> DepartmentView:
    """一个部门 / one department."""
    department = await departments.load(session, uscc)
    tag(response, department.revision)
    return await _view(session, department)


@router.patch("/{uscc}")
async def change(
    uscc: Uscc,
    body: DepartmentChangeIn,
    revision: Revision,
    session: Writing,
    principal: Admin,
    response: Response,
) -> DepartmentView:
    """更改部门，或撤销 / change a department, or abolish it; by the operator."""
    department = await changed(session, principal, uscc, revision, body, now=clock.now())
    tag(response, department.revision)
    return await _view(session, department)


async def changed(
    session: WriteSession,
    principal: Principal,
    uscc: str,
    revision: int | None,
    body: DepartmentChangeIn,
    *,
    now: datetime,
) -> departments.Department:
    """Change a department, with all that follows from it."""
    values = body.model_dump(exclude_none=True, exclude={"if_unused"})
    department = await departments.change(session, principal, uscc, revision, values, now=now)
    unused = body.if_unused
    await succession.follow(session, principal, uscc, body.status, if_unused=unused, now=now)
    return department


@router.put("/{uscc}/standing-consent")
async def set_standing_consent(
    uscc: Uscc,
    body: StandingConsentIn,
    revision: HeededRevision,
    session: Writing,
    principal: Admin,
    response: Response,
) -> DepartmentView:
    """One flag, set to what it shall be: If-Match is heeded when it comes, not demanded."""
    department = await departments.set_standing_consent(
        session, principal, uscc, revision, enabled=body.enabled
    )
    tag(response, department.revision)
    return await _view(session, department)
