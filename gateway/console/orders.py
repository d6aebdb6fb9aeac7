"""督办: orders to remedy violations, answered by departments, closed by the authority."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from auth import directory
from auth.directory import Active
from auth.principal import Role
from exchange.attachments import keeping
from exchange.orders import issuing, moves
from exchange.orders.register import Order
from exchange.orders.states import Action, Party, State
from exchange.violations import register as violations
from exchange.violations.types import RULES, Type
from gateway.api import orders as api
from gateway.api import violation_shapes
from gateway.api.orders import OrderDetail, OrderIn, OrderView, Reopening
from gateway.api.violation_shapes import ViolationView
from gateway.console import attachments, forms, offered
from gateway.console.pages import act, page, steps
from gateway.console.places import PLACES
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession

router = APIRouter()
LIST, NEW, ONE = "orders.html", "order_new.html", "order.html"
ADDRESS = "/console/orders"


@dataclass(frozen=True, slots=True)
class Orders:
    side: str
    sides: Sequence[str]
    orders: Sequence[OrderView]
    next_cursor: str | None


@page(router, ADDRESS, LIST)
async def listed(visit: Visit) -> Orders:
    sides: list[str] = [Party.DEPARTMENT]
    sides += [Party.AUTHORITY] if visit.has(Role.AUTHORITY, Role.AUDITOR) else []
    side, status = visit.query("role"), visit.query("status")
    async with visit.reading() as session:
        found = await api.page(
            session,
            visit.principal,
            visit.paging,
            role=Party(side) if side in sides else None,
            status=State(status) if status in set(State) else None,
            overdue=bool(visit.query("overdue")),
        )
    return Orders(side if side in sides else "", sides, found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """`cases` are recorded violations of the department, `found` types that may be found.

    `departments` are those that may be ordered, to choose from.
    """

    department: str
    name: str
    cases: Sequence[ViolationView]
    found: Sequence[str]
    departments: Sequence[Active]


@page(router, f"{ADDRESS}/new", NEW)
async def new(visit: Visit) -> NewOrder:
    visit.principal.require_authority(visit.principal.region_code)
    uscc = visit.text("department") or visit.query("department") or ""
    async with visit.reading() as session:
        names = await directory.departments(session, [uscc])
        known = await _cases_of(visit, session, uscc)
        departments = await offered.departments(session, within=visit.principal.region_code)
    found = [str(each) for each in Type if not RULES[each].clocks]
    return NewOrder(uscc, names.get(uscc, uscc), known, found, departments)


async def _cases_of(visit: Visit, session: ReadSession, uscc: str) -> Sequence[ViolationView]:
    """Return the newest violations of a department of the division that no order is about."""
    scope = violations.Scope(department=uscc, region_code=visit.principal.region_code)
    counts = await violations.counted(session, scope, None)
    newest = [each for count in counts for each in count.newest]
    told = await violation_shapes.views(session, newest)
    return [each for each in told if each.order_id is None]


async def issue(visit: Visit) -> Go:
    typed = {name: visit.text(name) for name in ("department", "text", "due_on")}
    body = forms.body(OrderIn, {**forms.present(typed), "violations": visit.texts("violations")})
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        made = await issuing.issue(session, visit.principal, body.demanded(), now=visit.now)
        await keeping.attach(session, visit.principal, api.ORDER, made.id, ids)
        order_id = made.id
    return Go(f"{ADDRESS}/{order_id}", N_("督办单已下达。"))


act(router, f"{ADDRESS}/new", new, NEW)(issue)


@dataclass(frozen=True, slots=True)
class OrderPage:
    order: OrderDetail
    places: Mapping[str, str]


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> OrderPage:
    async with visit.reading() as session:
        found = await api.find(visit.part("id"), session, visit.principal, Response())
    return OrderPage(found, PLACES)


_step = steps(router, ADDRESS, one, ONE)


async def answer(visit: Visit) -> Go:
    order_id = visit.part("id")
    text = forms.body(api.OrderAnswer, forms.present({"text": visit.text("text")})).text
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        await moves.answer(session, visit.principal, order_id, text=text, now=visit.now)
        await keeping.attach(session, visit.principal, api.ANSWER, order_id, ids)
    return Go(f"{ADDRESS}/{order_id}", N_("答复已报主管部门。"))


act(router, f"{ADDRESS}/{{id}}/{Action.ANSWER}", one, ONE)(answer)


async def _close(visit: Visit, session: WriteSession, order_id: str) -> Order:
    reason = visit.text("reason")
    return await moves.close(session, visit.principal, order_id, reason=reason, now=visit.now)


async def _reopen(visit: Visit, session: WriteSession, order_id: str) -> Order:
    typed = {name: visit.text(name) for name in ("reason", "due_on")}
    said = forms.body(Reopening, forms.present(typed)).model_dump()
    return await moves.reopen(session, visit.principal, order_id, **said, now=visit.now)


_step(Action.CLOSE, N_("督办单已办结。"), _close)
_step(Action.REOPEN, N_("已退回继续整改。"), _reopen)
