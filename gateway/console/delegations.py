"""委托办理: one department lets another act for it; and acting for another by pages (Art 36)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Response

from auth.delegations import register
from auth.delegations.states import Action, Power, State
from auth.directory import Active
from auth.errors import NotDelegated
from auth.principal import Role
from gateway.api import delegations as api
from gateway.api.delegations import DelegationIn, DelegationView
from gateway.console import forms, offered
from gateway.console.pages import act, page, steps
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import WriteSession
from kernel.workdays import local_date

router = APIRouter()
TEMPLATE = "delegations.html"
ADDRESS = "/console/delegations"
POWERS = tuple(map(str, Power))


@dataclass(frozen=True, slots=True)
class Delegations:
    """`acted_for` are the departments for which the person may act today.

    `departments` are those that may be asked to act for one's own.
    """

    delegations: Sequence[DelegationView]
    next_cursor: str | None
    acted_for: Mapping[str, str]
    offers: bool
    departments: Sequence[Active] = ()
    powers: Sequence[str] = POWERS


@page(router, ADDRESS, TEMPLATE)
async def listed(visit: Visit) -> Delegations:
    async with visit.reading() as session:
        found = await api.page(session, visit.principal, visit.paging)
        offers = visit.acting is None and visit.has(Role.HEAD)
        own = visit.principal.department
        others = await offered.departments(session, but=own) if offers else ()
    acted_for = _acted_for(visit, found.items)
    return Delegations(found.items, found.next_cursor, acted_for, offers, others)


def _acted_for(visit: Visit, views: Sequence[DelegationView]) -> Mapping[str, str]:
    if visit.acting is not None or not visit.has(Role.CLERK, Role.HEAD):
        return {}
    today = local_date(visit.now)
    return {
        each.department: each.department_name or each.department
        for each in views
        if each.to == visit.principal.department
        and each.status is State.ACTIVE
        and each.from_ <= today
    }


@page(router, f"{ADDRESS}/{{id}}", TEMPLATE)
async def one(visit: Visit) -> Delegations:
    """Show one delegation, which waits for somebody."""
    async with visit.reading() as session:
        found = await api.find(visit.part("id"), session, visit.principal, Response())
    return Delegations([found], None, _acted_for(visit, [found]), offers=False)


async def propose(visit: Visit) -> Go:
    """Ask another department, by its name or its code, to act for one's own."""
    typed = {"to": visit.text("to"), "from": visit.text("from"), "until": visit.text("until")}
    body = forms.body(DelegationIn, {**forms.present(typed), "powers": visit.texts("powers")})
    async with visit.writing() as session:
        await register.propose(session, visit.principal, body.terms(), now=visit.now)
    return Go(ADDRESS, N_("委托已提出，请受托部门工作机构负责人同意。"))


act(router, ADDRESS, listed, TEMPLATE)(propose)


async def begin(visit: Visit) -> Go:
    """Act for the department from now on, until the session ends or one's own is chosen again."""
    department = forms.required(visit, "department")
    async with visit.reading() as session:
        powers, _region = await register.powers_of(
            session, visit.own or visit.principal, department, now=visit.now
        )
    if not powers:
        raise NotDelegated
    visit.session = replace(visit.session, acting=department)
    return Go("/console", N_("以下以委托部门的名义办理。"))


async def leave(visit: Visit) -> Go:
    visit.session = replace(visit.session, acting="")
    return Go("/console", N_("已恢复以本部门的名义办理。"))


act(router, f"{ADDRESS}/act", listed, TEMPLATE)(begin)
act(router, f"{ADDRESS}/leave", listed, TEMPLATE)(leave)

_step = steps(router, ADDRESS, one, TEMPLATE)


async def _consent(visit: Visit, session: WriteSession, delegation_id: str) -> object:
    return await register.consent(session, visit.principal, delegation_id, now=visit.now)


async def _end(visit: Visit, session: WriteSession, delegation_id: str) -> object:
    return await register.end(session, visit.principal, delegation_id, now=visit.now)


_step(Action.CONSENT, N_("已同意接受委托。"), _consent)
_step(Action.END, N_("委托已终止。"), _end)
