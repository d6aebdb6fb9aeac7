"""申请: asking for resources, and answering item by item."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter

from auth import clients
from auth.principal import Role
from catalog import resources, search, versions
from catalog.search import Criteria
from catalog.states import State as Published
from catalog.visibility import Shown
from exchange.applications import apply, register, returning
from exchange.applications.folding import when_folded
from exchange.applications.register import Application
from exchange.applications.states import ALLOWED_ROLES, Action, State
from exchange.attachments import keeping
from exchange.bundles import drafting as bundles
from exchange.bundles import register as bundled
from exchange.disputes.states import Kind
from exchange.modes import WITH_LEDGER
from exchange.parties import Side
from gateway.api.application_shapes import (
    ApplicationChanges,
    ApplicationDetail,
    ApplicationIn,
    ApplicationView,
    told,
)
from gateway.api.bundle_shapes import BundleIn
from gateway.api.entries import (
    ItemWire,
    ResourceSummary,
    ResourceView,
    item_views,
    summaries,
    view,
)
from gateway.api.sharing import history_views, limits_of
from gateway.console import attachments, disputes, filters, forms, masked_examples
from gateway.console.masked_examples import Examples
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, Invalid, NotFound
from kernel.paging import LIMIT_MAX, PageRequest

router = APIRouter()
RESOURCES_MAX = 50
KIND = "application"
CLIENTS = PageRequest(LIMIT_MAX)
# Entries that hold an element, of so many elements.
OTHERS, ELEMENTS_MAX = PageRequest(10), 5
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
    """A form for one or several resources; one alone may be asked back (Art 24)."""

    resources: Sequence[ResourceView]
    clients: Sequence[tuple[str, str]]
    returnable: bool
    rows: Mapping[str, Sequence[tuple[str, str, str]]]


@page(router, "/console/applications/new", FORM)
async def new(visit: Visit) -> Request:
    visit.principal.require_role(Role.CLERK)
    async with visit.reading() as session:
        wanted = [await in_force(visit, session, each) for each in _wanted(visit)]
        own = await clients.find(
            session, visit.principal, CLIENTS, department=visit.principal.department,
            status="active", text=None,
        )  # fmt: skip
        returnable = len(wanted) == 1 and await returning.is_owed(
            session, visit.principal, wanted[0].id, wanted[0].region_code
        )
    rows = {each.id: filters.rows(visit, f"_{each.id}") for each in wanted}
    known = [(each.client_id, each.name) for each in own.items]
    return Request(wanted, known, returnable, rows)


def _wanted(visit: Visit) -> list[str]:
    """Return the resources that were chosen, each once; raises Invalid for none or too many."""
    named = visit.texts("resource") or visit.request.query_params.getlist("resource")
    chosen = list(dict.fromkeys(each for each in named if each))
    if not 1 <= len(chosen) <= RESOURCES_MAX:
        raise Invalid("请选择 1 至 50 个资源", "Choose 1 to 50 resources")
    return chosen


async def in_force(visit: Visit, session: ReadSession, resource_id: str) -> ResourceView:
    return await view(session, await version_in_force(visit, session, resource_id))


async def version_in_force(visit: Visit, session: ReadSession, resource_id: str) -> Shown:
    """Return the version in force, which is what one applies for."""
    shown = await resources.get(session, visit.principal, resource_id)
    number = shown.resource.published_version
    if number is None:
        raise NotFound
    return await versions.shown(session, visit.principal, resource_id, number)


async def create(visit: Visit) -> Go:
    """Draft an application, or a bundle of one for each of several resources: all or none."""
    async with visit.reading() as session:
        lines = [await _line(visit, session, each) for each in _wanted(visit)]
    common = _common(visit)
    if len(lines) == 1:
        back = "yes" in visit.texts("return_flow")
        return await _create_one(visit, {**common, **lines[0], "return_flow": back})
    return await _create_bundle(visit, {**common, "lines": lines})


async def _create_one(visit: Visit, fields: Mapping[str, Any]) -> Go:
    body = forms.body(ApplicationIn, fields)
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        made = await apply.create(
            session, visit.principal, body.resource_id, body.content(), now=visit.now
        )
        await keeping.attach(session, visit.principal, KIND, made.id, ids)
    done = N_("申请已保存。请工作机构负责人签批提交。")
    return Go(f"/console/applications/{made.id}", done)


async def _create_bundle(visit: Visit, fields: Mapping[str, Any]) -> Go:
    body = forms.body(BundleIn, {**fields, **forms.present({"title": visit.text("title")})})
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        made = await bundles.create(
            session,
            visit.principal,
            body.form(),
            skip_invalid="yes" in visit.texts("skip_invalid"),
            now=visit.now,
        )
        lines = [line.application_id for line, _ in await bundled.lines(session, made.id)]
        things = [("bundle", made.id), *((KIND, each) for each in lines)]
        await keeping.attach_to_all(session, visit.principal, things, ids)
    done = N_("批量申请已保存，每个资源各成一份申请。请工作机构负责人签批提交。")
    return Go(f"/console/bundles/{made.id}", done)


def _common(visit: Visit) -> dict[str, Any]:
    texts = ("basis", "scenario", "scope", "valid_from", "valid_until")
    typed = forms.present({name: visit.text(name) for name in texts})
    return {"commitment": "yes" in visit.texts("commitment"), **typed}


async def _line(visit: Visit, session: ReadSession, resource_id: str) -> dict[str, Any]:
    """Return what is asked of one resource; raises Invalid where no item is."""
    items = visit.texts(f"items_{resource_id}")
    if not items:
        raise Invalid(
            errors=[
                FieldError(f"items_{resource_id}", "too_short", "至少选一项", "pick one at least")
            ]
        )
    quota = forms.whole(visit.text("records_per_day"))
    conditions = await filters.typed_for(visit, session, f"_{resource_id}", resource_id)
    return {
        "resource_id": resource_id,
        "client_id": visit.text("client_id") or "",
        "items": items,
        "mode": visit.text(f"mode_{resource_id}") or "pull",
        **forms.present({"records_per_day": quota, "row_filter": conditions or None}),
    }


act(router, "/console/applications/new", new, FORM)(create)


@dataclass(frozen=True, slots=True)
class ApplicationPage:
    """One application; `items` are those of the entry, `others` entries with the same elements.

    `ledgers` says whether a ledger may be agreed to. `examples` are values of a record of the
    provider's with what their masks leave of them, for the provider alone.
    """

    application: ApplicationDetail
    items: Mapping[str, ItemWire]
    rows: Sequence[tuple[str, str, str]]
    others: Sequence[ResourceSummary]
    changeable: bool
    dispute: str
    ledgers: bool
    examples: Examples


@page(router, "/console/applications/{id}", ONE)
async def one(visit: Visit) -> ApplicationPage:
    application_id = visit.part("id")
    async with visit.reading() as session:
        found = await register.find(session, visit.principal, application_id)
        steps = await register.history(session, application_id)
        fields = (await told(session, visit.principal, [found], visit.now))[0]
        fields["history"] = await history_views(session, visit.principal, steps, ALLOWED_ROLES)
        items = await _items(visit, session, found)
        others = await _others(visit, session, found, items, fields["allowed"])
        dispute = await _dispute(visit, session, found)
    application = ApplicationDetail.model_validate(fields)
    own = application.consumer_department == visit.principal.department
    changeable = own and visit.has(Role.CLERK) and application.status is State.DRAFT
    rows = filters.rows(visit)
    ledgers = application.mode in WITH_LEDGER
    examples = await masked_examples.of(visit, application, items)
    return ApplicationPage(application, items, rows, others, changeable, dispute, ledgers, examples)


async def _others(
    visit: Visit,
    session: ReadSession,
    found: Application,
    items: Mapping[str, ItemWire],
    allowed: Sequence[str],
) -> Sequence[ResourceSummary]:
    """Return entries of others that hold what was asked for, for who may lead there."""
    if Action.REROUTE not in allowed and Action.REFUSE not in allowed:
        return ()
    asked = [items[name].element for name in found.items if name in items]
    seen: dict[str, ResourceSummary] = {}
    for element in list(dict.fromkeys(asked))[:ELEMENTS_MAX]:
        criteria = Criteria(element=element, status=Published.PUBLISHED)
        entries = await search.find(session, visit.principal, criteria, OTHERS)
        shown = await summaries(session, entries.page.items)
        seen |= {each.id: each for each in shown if each.department != found.provider_department}
    return list(seen.values())


async def _dispute(visit: Visit, session: ReadSession, found: Application) -> str:
    if found.status == State.DRAFT:
        return ""
    between = (found.consumer_department, found.provider_department)
    return await disputes.link(visit, session, Kind.APPLICATION, found.id, between=between)


async def _items(visit: Visit, session: ReadSession, found: Application) -> dict[str, ItemWire]:
    """Return the items of the version that was applied for, as far as the person may see it."""
    try:
        shown = await versions.shown(
            session, visit.principal, found.resource_id, found.resource_version
        )
    except NotFound:
        return {}
    return {item.name: item for item in await item_views(session, shown)}


Step = Callable[[WriteSession], Awaitable[Application]]


def step(
    desk: APIRouter, action: str, done: str, prepared: Callable[[Visit, str, datetime], Step]
) -> None:
    """Let the form of an action take it; a grant may wait for the latest state of the resource."""

    async def take(visit: Visit) -> Go:
        application_id = visit.part("id")
        taken = prepared(visit, application_id, visit.now)
        await when_folded(visit.using.database, taken)
        return Go(f"/console/applications/{application_id}", done)

    act(desk, f"/console/applications/{{id}}/{action}", one, ONE)(take)


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


def _supplement(visit: Visit, application_id: str, now: datetime) -> Step:
    typed = {name: visit.text(name) for name in ("basis", "scenario", "scope")}
    changes = forms.body(ApplicationChanges, forms.present(typed)).changes()
    return lambda session: apply.supplement(
        session, visit.principal, application_id, changes, now=now
    )


def _change(visit: Visit, application_id: str, now: datetime) -> Step:
    texts = ("client_id", "basis", "scenario", "scope", "valid_until")
    quota = forms.whole(visit.text("records_per_day"))
    typed = {**{name: visit.text(name) for name in texts}, "records_per_day": quota}
    changes = forms.body(ApplicationChanges, forms.present(typed)).changes()
    known = forms.whole(visit.text("revision"))
    return lambda session: apply.change(
        session,
        visit.principal,
        application_id,
        changes,
        revision=known if isinstance(known, int) else None,
        now=now,
    )


step(router, Action.SIGN, N_("已签批提交，提供方的答复时限开始计算。"), _sign)
step(router, Action.WITHDRAW, N_("申请已撤回。"), _withdraw)
step(router, Action.SUPPLEMENT, N_("补充材料已提交。"), _supplement)
step(router, "change", N_("申请已修改。"), _change)


async def attach(visit: Visit) -> Go:
    """Add a document to a draft, or take one from it."""
    application_id, taken = visit.part("id"), visit.text("attachment")
    document = await attachments.received(visit)
    if document is None and taken is None:
        raise Invalid(errors=[FieldError("document", "missing", "请选择文件", "choose a file")])
    async with attachments.writing_with(visit, document) as (session, ids):
        await apply.change(
            session, visit.principal, application_id, {}, revision=None, now=visit.now
        )
        known = (await keeping.of(session, KIND, [application_id])).get(application_id, ())
        left = [each.id for each in known if each.id != taken]
        await keeping.attach(session, visit.principal, KIND, application_id, [*left, *ids])
    return Go(f"/console/applications/{application_id}", N_("附件已更新。"))


act(router, "/console/applications/{id}/attachments", one, ONE)(attach)
