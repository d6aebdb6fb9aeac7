"""部门: the directory of departments, and how the operator follows reorganisations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from auth import departments, duties, networks
from auth.departments import NewDepartment
from auth.directory import Active
from auth.duties import Operation
from auth.principal import Role
from exchange.stewardship import open_matters, planning
from exchange.stewardship.planning import Change
from gateway.api import department_changes as changes_api
from gateway.api import departments as api
from gateway.api import networks as networks_api
from gateway.api.department_changes import CancelIn, DepartmentChangeView, MergeIn, MoveIn
from gateway.api.departments import DepartmentChangeIn, DepartmentIn, DepartmentView
from gateway.api.networks import NetworksIn, NetworksView
from gateway.console import forms, offered
from gateway.console.pages import Step, act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, View, Visit
from kernel.database import ReadSession, WriteSession
from kernel.errors import ShuyuanError
from kernel.outbound.addresses import Rule
from kernel.paging import PageRequest
from kernel.preconditions import Precondition

router = APIRouter()
LIST, NEW, ONE, REHEARSED = (
    "departments.html", "department_new.html", "department.html", "department_change.html",
)  # fmt: skip
ADDRESS = "/console/departments"
CHANGES = PageRequest(20)


@dataclass(frozen=True, slots=True)
class Departments:
    departments: Sequence[DepartmentView]
    may_register: bool
    next_cursor: str | None


@page(router, ADDRESS, LIST)
async def listed(visit: Visit) -> Departments:
    async with visit.reading() as session:
        found = await api.find(
            session,
            visit.principal,
            visit.paging,
            (visit.query("q") or "")[:100] or None,
            None,
            True if visit.query("authority") else None,
        )
    return Departments(found.items, visit.has(Role.OPERATOR), found.next_cursor)


@dataclass(frozen=True, slots=True)
class NewDepartmentPage:
    region_code: str


@page(router, f"{ADDRESS}/new", NEW)
async def new(visit: Visit) -> NewDepartmentPage:
    visit.principal.require_role(Role.OPERATOR)
    return NewDepartmentPage(visit.principal.region_code)


async def register(visit: Visit) -> Go:
    typed = {name: visit.text(name) for name in ("uscc", "name", "region_code")}
    authority = "yes" in visit.texts("authority")
    body = forms.body(DepartmentIn, {**forms.present(typed), "authority": authority})
    async with visit.writing() as session:
        made = await departments.register(
            session, visit.principal, NewDepartment(**body.model_dump()), now=visit.now
        )
        uscc = made.uscc
    return Go(f"{ADDRESS}/{uscc}", N_("部门已登记。"))


act(router, f"{ADDRESS}/new", new, NEW)(register)


@dataclass(frozen=True, slots=True)
class DepartmentPage:
    """One department; `manages` and `consents` say what the person may do with it.

    `departments` are those that it may be merged into; `left` is what an abolished one has left.
    """

    department: DepartmentView
    revision: int
    changes: Sequence[DepartmentChangeView]
    planned: bool
    manages: bool
    consents: bool
    networks: NetworksView | None
    names_networks: bool
    departments: Sequence[Active]
    left: str


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> DepartmentPage:
    uscc = visit.part("id")
    async with visit.reading() as session:
        row = await departments.load(session, uscc)
        shown = await api.get(uscc, session, visit.principal, Response())
        found = await changes_api.find(uscc, session, visit.principal, CHANGES)
        known = await _networks(visit, session, uscc)
        manages = _may(visit, Operation.MANAGE_DEPARTMENT, row)
        others = await offered.departments(session, but=uscc) if manages else ()
    left = open_matters.told(shown.open or {})
    return DepartmentPage(
        shown,
        row.revision,
        found.items,
        any(each.status == "planned" for each in found.items),
        manages=manages,
        consents=_may(visit, Operation.CONSENT, row),
        networks=known,
        names_networks=known is not None and _may(visit, Operation.MANAGE_NETWORKS, row),
        departments=others,
        left=left.en if visit.english else left.zh,
    )


async def _networks(visit: Visit, session: ReadSession, uscc: str) -> NetworksView | None:
    """Return where the department may be called, None for who may not know it."""
    try:
        return await networks_api.get(uscc, session, visit.principal, Response())
    except ShuyuanError:
        return None


def _may(visit: Visit, operation: Operation, row: departments.Department) -> bool:
    try:
        duties.require_role(visit.principal, operation)
        duties.require(visit.principal, operation, row)
    except ShuyuanError:
        return False
    return row.status == "active" or operation is Operation.MANAGE_DEPARTMENT


def _step(action: str, done: str, step: Step) -> None:
    async def take(visit: Visit) -> Go:
        uscc = visit.part("id")
        async with visit.writing() as session:
            await step(visit, session, uscc)
        return Go(f"{ADDRESS}/{uscc}", done)

    act(router, f"{ADDRESS}/{{id}}/{action}", one, ONE)(take)


def _known(visit: Visit) -> int | None:
    revision = forms.whole(visit.text("revision"))
    return revision if isinstance(revision, int) else None


async def _change(visit: Visit, session: WriteSession, uscc: str) -> object:
    """Rename it, make it an authority or none, abolish or restore it."""
    typed: dict[str, Any] = {"name": visit.text("name"), "status": visit.text("status")}
    typed["if_unused"] = visit.text("anyway") != "yes"
    if "kind" in visit.form:
        typed["authority"] = visit.text("kind") == "authority"
    body = forms.body(DepartmentChangeIn, forms.present(typed))
    return await api.changed(session, visit.principal, uscc, _known(visit), body, now=visit.now)


async def _consent(visit: Visit, session: WriteSession, uscc: str) -> object:
    enabled = visit.text("enabled") == "yes"
    return await departments.set_standing_consent(
        session, visit.principal, uscc, _known(visit), enabled=enabled
    )


async def _cancel(visit: Visit, session: WriteSession, uscc: str) -> object:
    reason = forms.body(CancelIn, forms.present({"reason": visit.text("reason")})).reason
    change_id = forms.required(visit, "change")
    return await planning.cancel(
        session, visit.principal, uscc, change_id, reason=reason, now=visit.now
    )


async def _name_networks(visit: Visit, session: WriteSession, uscc: str) -> object:
    cidrs = (visit.text("cidrs") or "").split()
    body = forms.body(NetworksIn, {"cidrs": cidrs})
    row = await networks.get(session, visit.principal, uscc)
    return await networks.put(
        session,
        visit.principal,
        uscc,
        Precondition(row is not None, None if row is None else frozenset({row.revision})),
        cidrs=body.cidrs,
        rule=Rule.of(visit.using.settings),
        now=visit.now,
    )


_step("networks", N_("已保存。"), _name_networks)
_step("change", N_("已保存。"), _change)
_step("standing-consent", N_("已保存。"), _consent)
_step("cancel-change", N_("计划已取消。"), _cancel)


@dataclass(frozen=True, slots=True)
class ChangePage:
    """What a change would do, before it is planned; the form carries it on."""

    change: DepartmentChangeView
    action: str


def _planning(action: str, wanted: Callable[[Visit, str], Change]) -> None:
    """Register a plan of a change: first its effects are shown, then it is confirmed."""

    async def take(visit: Visit) -> ChangePage | Go:
        uscc = visit.part("id")
        change = wanted(visit, uscc)
        if visit.text("confirmed") != "yes":
            return ChangePage(await _rehearse(visit, change), action)
        async with visit.writing() as session:
            await planning.plan(session, visit.principal, change, now=visit.now)
        return Go(f"{ADDRESS}/{uscc}", N_("已列入计划，到期当日一次完成。"))

    view: View = take
    act(router, f"{ADDRESS}/{{id}}/{action}", one, REHEARSED, again=ONE)(view)


async def _rehearse(visit: Visit, change: Change) -> DepartmentChangeView:
    async with visit.writing() as session:
        return await changes_api.rehearse(session, visit.principal, change, now=visit.now)


def _merger(visit: Visit, uscc: str) -> Change:
    typed = {
        "uscc": visit.text("successor"),
        "on": visit.text("on"),
        "basis": visit.text("basis"),
    }
    body = forms.body(MergeIn, forms.present(typed))
    return Change(uscc, body.on, body.basis, successor=body.uscc)


def _move(visit: Visit, uscc: str) -> Change:
    typed = {name: visit.text(name) for name in ("region_code", "on", "basis")}
    body = forms.body(MoveIn, forms.present(typed))
    return Change(uscc, body.on, body.basis, region_code=body.region_code)


_planning("merge-into", _merger)
_planning("move", _move)
