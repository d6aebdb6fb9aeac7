"""`/v1/demands`: data that nobody shares yet, asked for (供需对接, Order 809 Art 20)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from auth.directory import Member
from auth.principal import Principal, Role, Scope
from exchange.attachments import keeping
from exchange.demands import drafting, register, working
from exchange.demands.register import Demand
from exchange.demands.states import ALLOWED_ROLES, Action, Party, Permitted, State
from gateway import names
from gateway.api import attachment_shapes
from gateway.api.attachment_shapes import FIELD, Attachments, AttachmentView
from gateway.api.sharing import (
    HistoryView,
    Id,
    Line,
    Prose,
    Remark,
    acted_as,
    history_views,
    reason_of,
)
from gateway.lists import ListOf, Paging, tag
from gateway.names import Fields
from gateway.next_steps import NextStep, by_side
from gateway.once import Acting, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire
from kernel.workdays import local_date

router = APIRouter(prefix="/v1/demands", tags=["demands"])

PEOPLE = ("created_by", "submitted_by")
DEMAND = "demand"
ROLES: Mapping[str, Permitted] = {
    **{str(action): permitted for action, permitted in ALLOWED_ROLES.items()},
    "create": {Party.DEMANDER: frozenset({Role.CLERK})},
}
ACTS = {"created_by": "create", "submitted_by": "submit"}
ItemText = Annotated[str, Field(min_length=1, max_length=200)]


class DemandIn(Wire):
    """`items` say in words what is wanted; the authority of `region_code` finds who can supply."""

    title: Line
    description: Prose
    items: Annotated[list[ItemText], Field(min_length=1, max_length=200)]
    basis: Prose
    scenario: Prose
    region_code: Id
    attachments: Attachments

    def wish(self) -> drafting.Wish:
        return drafting.Wish(**self.model_dump(exclude={FIELD}))


class Merge(Wire):
    into: Id


class Assignment(Wire):
    department: Id


class Promise(Wire):
    planned_on: Day


class Refusal(Wire):
    reason: Prose


class Answer(Wire):
    resource_id: Id


class Followed(Wire):
    """The demand that this one was merged into, as far as who follows it may know."""

    id: str
    status: State
    assigned_department: str | None
    assigned_department_name: str | None
    planned_on: Day | None


class DemandView(Wire):
    """People are named to their own department, its authority and auditors."""

    id: str
    status: State
    department: str
    department_name: str | None
    region_code: str
    title: str
    description: str
    items: list[str]
    basis: str
    scenario: str
    attachments: list[AttachmentView]
    created_by: str | None
    created_by_name: str | None
    created_by_role: str | None
    created_at: datetime
    submitted_by: str | None
    submitted_by_name: str | None
    submitted_by_role: str | None
    submitted_at: datetime | None
    merged_into: str | None
    followed: Followed | None
    assigned_department: str | None
    assigned_department_name: str | None
    assigned_at: datetime | None
    planned_on: Day | None
    overdue: bool
    declined_reason: str | None
    resource_id: str | None
    resource_name: str | None
    ended_at: datetime | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]


class DemandDetail(DemandView):
    history: list[HistoryView]


Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.CLERK))]


@router.post("", status_code=201)
async def create(
    body: DemandIn,
    once: Creating,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
) -> DemandView:
    """起草数据需求 / a clerk drafts a demand for data that nobody shares yet."""
    row = await drafting.create(session, principal, body.wish(), now=clock.now())
    await keeping.attach(session, principal, DEMAND, row.id, body.attachments)
    return await once.keep(await _view(session, principal, row, response))


@router.get("")
async def page(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    *,
    role: Annotated[Party | None, Query()] = None,
    status: Annotated[State | None, Query()] = None,
    overdue: Annotated[bool, Query()] = False,
) -> ListOf[DemandView]:
    """本部门提出、承办和辖区内的需求 / what the department asks, is assigned, or oversees."""
    found = await register.page(
        session, principal, paging, now=clock.now(), party=role, status=status, overdue=overdue
    )
    views = await _views(session, principal, found.items)
    items = [DemandView.model_validate(view) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{demand_id}")
async def find(
    demand_id: str, session: Reading, principal: CatalogReader, response: Response
) -> DemandDetail:
    """一项数据需求 / one demand."""
    row = await register.find(session, principal, demand_id)
    [view] = await _views(session, principal, [row])
    steps = await register.history(session, demand_id)
    history = await history_views(session, principal, steps, ROLES)
    tag(response, row.revision)
    return DemandDetail.model_validate({**view, "history": history})


class Stepping:
    """Answers with a demand after a step, again to its Idempotency-Key."""

    def __init__(
        self, session: Writing, principal: ApplicationsWriter, response: Response, once: Acting
    ) -> None:
        self._session, self._principal = session, principal
        self._response, self._once = response, once

    async def __call__(self, row: Demand) -> DemandView:
        view = await _view(self._session, self._principal, row, self._response)
        return await self._once.keep(view)


Step = Annotated[Stepping, Depends()]


@router.post("/{demand_id}/submit")
async def submit(
    demand_id: str, session: Writing, principal: ApplicationsWriter, using: Using, step: Step
) -> DemandView:
    """负责人提出需求 / the head hands it to the authority."""
    four_eyes = using.settings.needs_four_eyes
    moved = await drafting.submit(
        session, principal, demand_id, now=clock.now(), four_eyes=four_eyes
    )
    return await step(moved)


@router.post("/{demand_id}/merge")
async def merge(
    demand_id: str, body: Merge, session: Writing, principal: ApplicationsWriter, step: Step
) -> DemandView:
    """主管部门将需求并入另一需求 / the authority lets it follow another demand."""
    moved = await working.merge(session, principal, demand_id, into=body.into, now=clock.now())
    return await step(moved)


@router.post("/{demand_id}/assign")
async def assign(
    demand_id: str, body: Assignment, session: Writing, principal: ApplicationsWriter, step: Step
) -> DemandView:
    """主管部门派发给部门 / the authority says which department is to supply."""
    moved = await working.assign(
        session, principal, demand_id, department=body.department, now=clock.now()
    )
    return await step(moved)


@router.post("/{demand_id}/accept")
async def accept(
    demand_id: str, body: Promise, session: Writing, principal: ApplicationsWriter, step: Step
) -> DemandView:
    """承办部门负责人受理并承诺日期 / the assigned head promises a day."""
    moved = await working.accept(
        session, principal, demand_id, planned_on=body.planned_on, now=clock.now()
    )
    return await step(moved)


@router.post("/{demand_id}/decline")
async def decline(
    demand_id: str, body: Refusal, session: Writing, principal: ApplicationsWriter, step: Step
) -> DemandView:
    """承办部门负责人退回 / the assigned head gives it back, with the reason."""
    moved = await working.decline(
        session, principal, demand_id, reason=body.reason, now=clock.now()
    )
    return await step(moved)


@router.post("/{demand_id}/meet")
async def meet(
    demand_id: str, body: Answer, session: Writing, principal: ApplicationsWriter, step: Step
) -> DemandView:
    """承办部门以已发布资源满足需求 / the assigned head names the published resource."""
    moved = await working.meet(
        session, principal, demand_id, resource_id=body.resource_id, now=clock.now()
    )
    return await step(moved)


@router.post("/{demand_id}/close")
async def close(
    demand_id: str,
    session: Writing,
    principal: ApplicationsWriter,
    step: Step,
    body: Remark | None = None,
) -> DemandView:
    """需求部门或主管部门关闭需求 / the demander or the authority ends it."""
    moved = await working.close(
        session, principal, demand_id, reason=reason_of(body), now=clock.now()
    )
    return await step(moved)


async def _view(
    session: ReadSession, principal: Principal, row: Demand, response: Response
) -> DemandView:
    [view] = await _views(session, principal, [row])
    tag(response, row.revision)
    return DemandView.model_validate(view)


async def _views(
    session: ReadSession, principal: Principal, rows: Sequence[Demand]
) -> list[Fields]:
    today = local_date(clock.now())
    followed = await register.followed(session, rows)
    views = [_fields(row, principal) for row in rows]
    for row, view in zip(rows, views, strict=True):
        view["overdue"] = register.is_overdue(row, today)
        view["followed"] = _followed(followed.get(row.merged_into or ""))
    leaders = [view["followed"] for view in views if view["followed"] is not None]
    await names.add(session, [*views, *leaders])
    await attachment_shapes.add(session, DEMAND, views)
    await names.add_people(session, principal, views, PEOPLE, _person_role)
    return [{name: view[name] for name in DemandView.model_fields} for view in views]


def _fields(row: Demand, principal: Principal) -> Fields:
    return row.model_dump() | {
        "allowed": register.allowed(principal, row),
        "next": by_side(register.possible(row), ALLOWED_ROLES),
    }


def _followed(row: Demand | None) -> Fields | None:
    if row is None:
        return None
    return row.model_dump(include={"id", "status", "assigned_department", "planned_on"})


def _person_role(_view: Fields, field: str, member: Member) -> str | None:
    return acted_as(member, ROLES[ACTS[field]])
