"""申请: asking for resources, and answering item by item."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter

from auth import clients
from auth.principal import Role
from catalog import resources, versions
from exchange.applications import agreement, apply, register, review
from exchange.applications.folding import when_folded
from exchange.applications.register import Application
from exchange.applications.review import RefusalCode
from exchange.applications.states import ALLOWED_ROLES, Action, State
from exchange.parties import Side
from gateway.api.application_shapes import (
    Agreement,
    ApplicationChanges,
    ApplicationDetail,
    ApplicationIn,
    ApplicationView,
    ExtensionRequest,
    Refusal,
    SupplementRequest,
    told,
)
from gateway.api.entries import ItemWire, ResourceView, view
from gateway.api.sharing import history_views, limits_of
from gateway.console import forms
from gateway.console.labels import N_
from gateway.console.pages import act, page
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, Invalid, NotFound
from kernel.paging import LIMIT_MAX, PageRequest

router = APIRouter()
RESOURCES_MAX = 20
CLIENTS = PageRequest(LIMIT_MAX)
LIST, FORM, ONE = "applications.html", "application_new.html", "application.html"


@dataclass(frozen=True, slots=True)
class Applications:
    side: str
    sides: Sequence[str]
    applications: Sequence[ApplicationView]
    next_cursor: str | None


@page(router, "/console/applications", LIST)
async def listed(visit: Visit) -> Applications:
    sides = sides_of(visit)
    side = chosen_side(visit, sides)
    status = visit.query("status")
    async with visit.reading() as session:
        found = await register.page(
            session,
            visit.principal,
            visit.paging,
            now=visit.now,
            side=Side(side) if side else None,
            status=State(status) if status in set(State) else None,
            overdue=True if visit.query("overdue") else None,
        )
        views = await told(session, visit.principal, found.items, visit.now)
    shown = [ApplicationView.model_validate(each) for each in views]
    return Applications(side, sides, shown, found.next_cursor)


def sides_of(visit: Visit) -> list[str]:
    """Return the sides on which the person may stand, to choose from."""
    sides: list[str] = [Side.PROVIDER, Side.CONSUMER]
    return [*sides, Side.AUTHORITY] if visit.has(Role.AUTHORITY) else sides


def chosen_side(visit: Visit, sides: Sequence[str]) -> str:
    """Return the side that the address names, empty for all together."""
    side = visit.query("role") or ""
    return side if side in sides else ""


@dataclass(frozen=True, slots=True)
class Request:
    """A form for one or several resources."""

    resources: Sequence[ResourceView]
    clients: Sequence[tuple[str, str]]


@page(router, "/console/applications/new", FORM)
async def new(visit: Visit) -> Request:
    visit.principal.require_role(Role.CLERK)
    async with visit.reading() as session:
        wanted = [await _entry(visit, session, each) for each in _wanted(visit)]
        own = await clients.find(
            session, visit.principal, CLIENTS, department=visit.principal.department,
            status="active", text=None,
        )  # fmt: skip
    return Request(wanted, [(each.client_id, each.name) for each in own.items])


def _wanted(visit: Visit) -> list[str]:
    """Return the resources that were chosen, each once; raises Invalid for none or too many."""
    named = visit.texts("resource") or visit.request.query_params.getlist("resource")
    chosen = list(dict.fromkeys(each for each in named if each))
    if not 1 <= len(chosen) <= RESOURCES_MAX:
        raise Invalid("请选择 1 至 20 个资源", "Choose 1 to 20 resources")
    return chosen


async def _entry(visit: Visit, session: ReadSession, resource_id: str) -> ResourceView:
    """Return the version in force, which is what one applies for."""
    shown = await resources.get(session, visit.principal, resource_id)
    number = shown.resource.published_version
    if number is None:
        raise NotFound
    return await view(session, await versions.shown(session, visit.principal, resource_id, number))


async def create(visit: Visit) -> Go:
    """Draft an application for each resource, all of them or none."""
    bodies = [forms.body(ApplicationIn, _body(visit, each)) for each in _wanted(visit)]
    made: list[str] = []
    async with visit.writing() as session:
        for body in bodies:
            application = await apply.create(
                session, visit.principal, body.resource_id, body.content(), now=visit.now
            )
            made.append(application.id)
    done = N_("申请已保存。请工作机构负责人签批提交。")
    return Go(
        f"/console/applications/{made[0]}" if len(made) == 1 else "/console/applications", done
    )


def _body(visit: Visit, resource_id: str) -> dict[str, Any]:
    texts = ("client_id", "basis", "scenario", "scope", "valid_from", "valid_until")
    items = visit.texts(f"items_{resource_id}")
    if not items:
        raise Invalid(
            errors=[
                FieldError(f"items_{resource_id}", "too_short", "至少选一项", "pick one at least")
            ]
        )
    return {
        "resource_id": resource_id,
        "items": items,
        "mode": visit.text(f"mode_{resource_id}") or "pull",
        "commitment": "yes" in visit.texts("commitment"),
        **forms.present({name: visit.text(name) for name in texts}),
        **forms.present({"records_per_day": forms.whole(visit.text("records_per_day"))}),
    }


act(router, "/console/applications/new", new, FORM)(create)


@dataclass(frozen=True, slots=True)
class ApplicationPage:
    """One application; `items` are those of the entry, `asked` those that were asked for."""

    application: ApplicationDetail
    items: Mapping[str, ItemWire]
    side: str


@page(router, "/console/applications/{id}", ONE)
async def one(visit: Visit) -> ApplicationPage:
    application_id = visit.part("id")
    async with visit.reading() as session:
        found = await register.find(session, visit.principal, application_id)
        steps = await register.history(session, application_id)
        fields = (await told(session, visit.principal, [found], visit.now))[0]
        fields["history"] = await history_views(session, visit.principal, steps, ALLOWED_ROLES)
        items = await _items(visit, session, found)
    application = ApplicationDetail.model_validate(fields)
    own = application.consumer_department == visit.principal.department
    return ApplicationPage(application, items, "consumer" if own else "provider")


async def _items(visit: Visit, session: ReadSession, found: Application) -> dict[str, ItemWire]:
    """Return the items of the version that was applied for, as far as the person may see it."""
    try:
        shown = await versions.shown(
            session, visit.principal, found.resource_id, found.resource_version
        )
    except NotFound:
        return {}
    return {item.name: item for item in (await view(session, shown)).items}


Step = Callable[[WriteSession], Awaitable[Application]]


def _step(action: Action, done: str, prepared: Callable[[Visit, str, datetime], Step]) -> None:
    """Let the form of an action take it; a grant may wait for the latest state of the resource."""

    async def take(visit: Visit) -> Go:
        application_id = visit.part("id")
        step = prepared(visit, application_id, visit.now)
        await when_folded(visit.using.database, step)
        return Go(f"/console/applications/{application_id}", done)

    act(router, f"/console/applications/{{id}}/{action}", one, ONE)(take)


def _sign(visit: Visit, application_id: str, now: datetime) -> Step:
    return partial(
        apply.sign,
        principal=visit.principal,
        application_id=application_id,
        limits=limits_of(visit.using.settings),
        now=now,
        four_eyes=visit.using.settings.needs_four_eyes,
    )


def _withdraw(visit: Visit, application_id: str, now: datetime) -> Step:
    reason = visit.text("reason")
    return lambda session: apply.withdraw(
        session, visit.principal, application_id, reason=reason, now=now
    )


def _request_supplement(visit: Visit, application_id: str, now: datetime) -> Step:
    missing = (visit.text("missing") or "").splitlines()
    body = forms.body(
        SupplementRequest,
        {"missing": [each for each in missing if each.strip()], "message": visit.text("message")},
    )
    return lambda session: review.request_supplement(
        session,
        visit.principal,
        application_id,
        missing=body.missing,
        message=body.message,
        now=now,
    )


def _supplement(visit: Visit, application_id: str, now: datetime) -> Step:
    typed = {name: visit.text(name) for name in ("basis", "scenario", "scope")}
    changes = forms.body(ApplicationChanges, forms.present(typed)).changes()
    return lambda session: apply.supplement(
        session, visit.principal, application_id, changes, now=now
    )


def _extend(visit: Visit, application_id: str, now: datetime) -> Step:
    days, reason = forms.whole(visit.text("working_days")), visit.text("reason")
    body = forms.body(ExtensionRequest, {"working_days": days, "reason": reason})
    return lambda session: review.extend(
        session,
        visit.principal,
        application_id,
        working_days=body.working_days,
        reason=body.reason,
        limits=limits_of(visit.using.settings),
        now=now,
    )


def _consent(visit: Visit, application_id: str, now: datetime) -> Step:
    note = visit.text("note")
    return lambda session: review.consent_extension(
        session, visit.principal, application_id, note=note, now=now
    )


def _deny(visit: Visit, application_id: str, now: datetime) -> Step:
    note = visit.text("note")
    return lambda session: review.deny_extension(
        session, visit.principal, application_id, note=note, now=now
    )


def _agree(visit: Visit, application_id: str, now: datetime) -> Step:
    """Agree to the ticked items; a mask is lifted where its box is ticked."""
    items = visit.texts("items")
    if not items:
        raise Invalid(errors=[FieldError("items", "too_short", "至少同意一项", "agree to one")])
    typed = {
        "records_per_day": forms.whole(visit.text("records_per_day")),
        "valid_until": visit.text("valid_until"),
        "note": visit.text("note"),
    }
    unmasked = [each for each in visit.texts("unmasked") if each in items]
    body = forms.body(Agreement, {"items": items, "unmasked": unmasked, **forms.present(typed)})
    return partial(
        agreement.agree,
        principal=visit.principal,
        application_id=application_id,
        said=body.narrowing(),
        limits=limits_of(visit.using.settings),
        now=now,
    )


def _refuse(visit: Visit, application_id: str, now: datetime) -> Step:
    typed = {"reason": visit.text("reason"), "basis": visit.text("legal_basis")}
    code = forms.whole(visit.text("code"))
    body = forms.body(Refusal, forms.present({"code": code, **typed}))
    return lambda session: review.refuse(
        session,
        visit.principal,
        application_id,
        code=RefusalCode(body.code),
        reason=body.reason,
        basis=body.basis,
        now=now,
    )


_step(Action.SIGN, N_("已签批提交，提供方的答复时限开始计算。"), _sign)
_step(Action.WITHDRAW, N_("申请已撤回。"), _withdraw)
_step(Action.REQUEST_SUPPLEMENT, N_("已告知对方补充材料，时限暂停计算。"), _request_supplement)
_step(Action.SUPPLEMENT, N_("补充材料已提交。"), _supplement)
_step(Action.EXTEND, N_("延期申请已报主管部门。"), _extend)
_step(Action.CONSENT_EXTENSION, N_("已同意延期。"), _consent)
_step(Action.DENY_EXTENSION, N_("已告知不同意延期。"), _deny)
_step(Action.AGREE, N_("已同意共享，授权已生成。"), _agree)
_step(Action.REFUSE, N_("已答复不予共享。"), _refuse)
