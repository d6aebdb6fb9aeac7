"""`/v1/orders`: the authority has violations remedied by a day (督办, Order 809 Art 38–41)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from auth.directory import Member
from auth.principal import Principal, Role, Scope
from exchange.attachments import keeping
from exchange.orders import issuing, moves, register
from exchange.orders.register import Order
from exchange.orders.states import ALLOWED_ROLES, Action, Party, Permitted, State
from gateway import names
from gateway.api import attachment_shapes, violation_shapes
from gateway.api.attachment_shapes import FIELD, Attachments, AttachmentView
from gateway.api.sharing import (
    HistoryView,
    Id,
    Prose,
    Remark,
    acted_as,
    history_views,
    reason_of,
)
from gateway.api.violation_shapes import ViolationView
from gateway.lists import ListOf, Paging, tag
from gateway.names import Fields
from gateway.next_steps import NextStep, by_side
from gateway.once import Acting, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire
from kernel.workdays import local_date

router = APIRouter(prefix="/v1/orders", tags=["orders"])

ACTS = {"issued_by": "issue", "answered_by": "answer", "closed_by": "close"}
# What an order's attachments are kept under, and those of its last answer.
ORDER, ANSWER = "order", "order_answer"
ROLES: Mapping[str, Permitted] = {
    **{str(action): permitted for action, permitted in ALLOWED_ROLES.items()},
    "issue": {Party.AUTHORITY: frozenset({Role.AUTHORITY})},
}


class OrderIn(Wire):
    """`violations` are ids of recorded ones, or types of those that the authority has found."""

    department: Id
    violations: Annotated[list[Id], Field(min_length=1, max_length=100)]
    text: Prose
    due_on: Day
    attachments: Attachments

    def demanded(self) -> issuing.Demanded:
        return issuing.Demanded(**self.model_dump(exclude={FIELD}))


class OrderAnswer(Wire):
    text: Prose
    attachments: Attachments


class Reopening(Wire):
    """`due_on` sets another day."""

    reason: Prose
    due_on: Day | None = None


class OrderView(Wire):
    """People are named to their own department, its authority and auditors."""

    id: str
    status: State
    department: str
    department_name: str | None
    region_code: str
    authority_department: str
    authority_name: str | None
    violations: list[ViolationView]
    text: str
    due_on: Day
    overdue: bool
    attachments: list[AttachmentView]
    issued_by: str | None
    issued_by_name: str | None
    issued_by_role: str | None
    issued_at: datetime
    answer: str | None
    answer_attachments: list[AttachmentView]
    answered_by: str | None
    answered_by_name: str | None
    answered_by_role: str | None
    answered_at: datetime | None
    reopen_reason: str | None
    closed_by: str | None
    closed_by_name: str | None
    closed_by_role: str | None
    closed_at: datetime | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]


class OrderDetail(OrderView):
    history: list[HistoryView]


Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.AUTHORITY))]


@router.post("", status_code=201)
async def issue(
    body: OrderIn,
    once: Creating,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
) -> OrderView:
    """下达督办单 / an authority orders a department to remedy violations by a day."""
    row = await issuing.issue(session, principal, body.demanded(), now=clock.now())
    await keeping.attach(session, principal, ORDER, row.id, body.attachments)
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
) -> ListOf[OrderView]:
    """本部门的和辖区内的督办单 / what the department was ordered, or oversees."""
    found = await register.page(
        session, principal, paging, now=clock.now(), party=role, status=status, overdue=overdue
    )
    views = await _views(session, principal, found.items)
    items = [OrderView.model_validate(view) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{order_id}")
async def find(
    order_id: str, session: Reading, principal: CatalogReader, response: Response
) -> OrderDetail:
    """一份督办单 / one order."""
    row = await register.find(session, principal, order_id)
    [view] = await _views(session, principal, [row])
    steps = await register.history(session, order_id)
    history = await history_views(session, principal, steps, ROLES)
    tag(response, row.revision)
    return OrderDetail.model_validate({**view, "history": history})


@router.post("/{order_id}/answer")
async def answer(
    order_id: str,
    body: OrderAnswer,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
    once: Acting,
) -> OrderView:
    """部门负责人答复 / the head says what was remedied."""
    moved = await moves.answer(session, principal, order_id, text=body.text, now=clock.now())
    await keeping.attach(session, principal, ANSWER, order_id, body.attachments)
    return await once.keep(await _view(session, principal, moved, response))


@router.post("/{order_id}/close")
async def close(
    order_id: str,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
    once: Acting,
    body: Remark | None = None,
) -> OrderView:
    """主管部门办结 / the authority ends it."""
    moved = await moves.close(session, principal, order_id, reason=reason_of(body), now=clock.now())
    return await once.keep(await _view(session, principal, moved, response))


@router.post("/{order_id}/reopen")
async def reopen(
    order_id: str,
    body: Reopening,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
    once: Acting,
) -> OrderView:
    """主管部门退回继续整改 / the authority asks for more."""
    moved = await moves.reopen(session, principal, order_id, **body.model_dump(), now=clock.now())
    return await once.keep(await _view(session, principal, moved, response))


async def _view(
    session: ReadSession, principal: Principal, row: Order, response: Response
) -> OrderView:
    [view] = await _views(session, principal, [row])
    tag(response, row.revision)
    return OrderView.model_validate(view)


async def _views(session: ReadSession, principal: Principal, rows: Sequence[Order]) -> list[Fields]:
    today = local_date(clock.now())
    about = await register.violations(session, rows)
    told = await violation_shapes.views(session, [each for of in about.values() for each in of])
    by_id = {each.id: each for each in told}
    views = [_fields(row, principal) for row in rows]
    for row, view in zip(rows, views, strict=True):
        view["overdue"] = register.is_overdue(row, today)
        view["violations"] = [by_id[each.id] for each in about.get(row.id, [])]
    await names.add(session, views)
    await attachment_shapes.add(session, ORDER, views)
    await attachment_shapes.add(session, ANSWER, views, field="answer_attachments")
    await names.add_people(session, principal, views, ACTS, _person_role)
    return [{name: view[name] for name in OrderView.model_fields} for view in views]


def _fields(row: Order, principal: Principal) -> Fields:
    return row.model_dump() | {
        "allowed": register.allowed(principal, row),
        "next": by_side(register.possible(row), ALLOWED_ROLES),
    }


def _person_role(_view: Fields, field: str, member: Member) -> str | None:
    return acted_as(member, ROLES[ACTS[field]])
