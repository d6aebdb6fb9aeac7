"""需求: data that nobody shares yet, asked for, merged, assigned and met (Art 20)."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from auth.directory import Active
from auth.principal import Role
from catalog import search
from catalog.search import Criteria
from catalog.states import State as Published
from exchange.attachments import keeping
from exchange.demands import drafting, working
from exchange.demands.register import Demand
from exchange.demands.states import Action, Party, State
from gateway.api import demands as api
from gateway.api.demands import DemandDetail, DemandIn, DemandView
from gateway.api.entries import ResourceSummary, summaries
from gateway.console import attachments, forms, offered
from gateway.console.pages import act, page, steps
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession
from kernel.paging import LIMIT_MAX, PageRequest

router = APIRouter()
LIST, NEW, ONE = "demands.html", "demand_new.html", "demand.html"
ADDRESS = "/console/demands"
OFFERED = PageRequest(LIMIT_MAX)


@dataclass(frozen=True, slots=True)
class Demands:
    side: str
    sides: Sequence[str]
    demands: Sequence[DemandView]
    next_cursor: str | None


@page(router, ADDRESS, LIST)
async def listed(visit: Visit) -> Demands:
    sides: list[str] = [Party.DEMANDER, Party.ASSIGNED]
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
    return Demands(side if side in sides else "", sides, found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class NewDemand:
    region_code: str


@page(router, f"{ADDRESS}/new", NEW)
async def new(visit: Visit) -> NewDemand:
    visit.principal.require_role(Role.CLERK)
    return NewDemand(visit.principal.region_code)


async def create(visit: Visit) -> Go:
    texts = ("title", "description", "basis", "scenario", "region_code")
    items = [each.strip() for each in (visit.text("items") or "").splitlines()]
    typed = forms.present({name: visit.text(name) for name in texts})
    body = forms.body(DemandIn, {**typed, "items": [each for each in items if each]})
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        made = await drafting.create(session, visit.principal, body.wish(), now=visit.now)
        await keeping.attach(session, visit.principal, api.DEMAND, made.id, ids)
        demand_id = made.id
    return Go(f"{ADDRESS}/{demand_id}", N_("需求已起草。请工作机构负责人提出。"))


act(router, f"{ADDRESS}/new", new, NEW)(create)


@dataclass(frozen=True, slots=True)
class DemandPage:
    """`others` are open demands to merge into, `answers` the own entries that could meet it.

    `departments` are those that it may be assigned to.
    """

    demand: DemandDetail
    others: Sequence[DemandView]
    answers: Sequence[ResourceSummary]
    departments: Sequence[Active]


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> DemandPage:
    async with visit.reading() as session:
        found = await api.find(visit.part("id"), session, visit.principal, Response())
        others = await _others(visit, session, found) if Action.MERGE in found.allowed else ()
        answers = await _answers(visit, session) if Action.MEET in found.allowed else ()
        assigns = Action.ASSIGN in found.allowed
        upper = visit.principal.region_code
        departments = await offered.departments(session, within=upper) if assigns else ()
    return DemandPage(found, others, answers, departments)


async def _others(visit: Visit, session: ReadSession, demand: DemandDetail) -> Sequence[DemandView]:
    principal, shown = visit.principal, list[DemandView]()
    for status in (State.SUBMITTED, State.ASSIGNED, State.ACCEPTED):
        found = await api.page(
            session, principal, OFFERED, role=Party.AUTHORITY, status=status, overdue=False
        )
        shown += [each for each in found.items if each.id != demand.id]
    return shown


async def _answers(visit: Visit, session: ReadSession) -> Sequence[ResourceSummary]:
    own = Criteria(department=visit.principal.department, status=Published.PUBLISHED)
    found = await search.find(session, visit.principal, own, OFFERED)
    return await summaries(session, found.page.items)


_step = steps(router, ADDRESS, one, ONE)


async def _submit(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    four_eyes = visit.using.settings.needs_four_eyes
    return await drafting.submit(
        session, visit.principal, demand_id, now=visit.now, four_eyes=four_eyes
    )


async def _merge(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    into = forms.body(api.Merge, forms.present({"into": visit.text("into")})).into
    return await working.merge(session, visit.principal, demand_id, into=into, now=visit.now)


async def _assign(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    typed = forms.present({"department": visit.text("department")})
    department = forms.body(api.Assignment, typed).department
    return await working.assign(
        session, visit.principal, demand_id, department=department, now=visit.now
    )


async def _accept(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    typed = forms.present({"planned_on": visit.text("planned_on")})
    planned_on = forms.body(api.Promise, typed).planned_on
    return await working.accept(
        session, visit.principal, demand_id, planned_on=planned_on, now=visit.now
    )


async def _decline(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    reason = forms.required(visit, "reason")
    return await working.decline(session, visit.principal, demand_id, reason=reason, now=visit.now)


async def _meet(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    resource_id = forms.required(visit, "resource_id")
    return await working.meet(
        session, visit.principal, demand_id, resource_id=resource_id, now=visit.now
    )


async def _close(visit: Visit, session: WriteSession, demand_id: str) -> Demand:
    return await working.close(
        session, visit.principal, demand_id, reason=visit.text("reason"), now=visit.now
    )


_step(Action.SUBMIT, N_("需求已提出，由主管部门派发。"), _submit)
_step(Action.MERGE, N_("已并入，随该需求一并办理。"), _merge)
_step(Action.ASSIGN, N_("已派发。"), _assign)
_step(Action.ACCEPT, N_("已受理，承诺的日期已告知对方。"), _accept)
_step(Action.DECLINE, N_("已退回主管部门。"), _decline)
_step(Action.MEET, N_("需求已满足，需求部门可以申请该资源。"), _meet)
_step(Action.CLOSE, N_("需求已关闭。"), _close)
