"""校核: a consumer objects to a record that it received, its provider corrects it (Art 26)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response

from auth.principal import Role
from catalog import versions
from exchange.attachments import keeping
from exchange.corrections import filing, fixing, moves
from exchange.corrections.marking import AT_ONCE_SECONDS
from exchange.corrections.register import Correction
from exchange.corrections.states import Action, State
from exchange.disputes.states import Kind
from exchange.parties import Side
from exchange.subscriptions import register as subscriptions
from gateway.api import corrections as api
from gateway.api.correction_shapes import (
    CorrectionDetail,
    CorrectionIn,
    CorrectionView,
    FiguresView,
    FixIn,
)
from gateway.api.entries import ItemWire, item_views
from gateway.api.sharing import limits_of
from gateway.console import attachments, disputes, filters, forms
from gateway.console.applications import chosen_side, sides_of
from gateway.console.pages import act, page, steps
from gateway.console.supervision import day_of
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound
from kernel.workdays import end_of_day, local_date

router = APIRouter()
LIST, NEW, ONE = "corrections.html", "correction_new.html", "correction.html"
ADDRESS = "/console/corrections"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Corrections:
    side: str
    sides: Sequence[str]
    corrections: Sequence[CorrectionView]
    next_cursor: str | None


@page(router, ADDRESS, LIST)
async def listed(visit: Visit) -> Corrections:
    sides, status = sides_of(visit), visit.query("status")
    side = chosen_side(visit, sides)
    async with visit.reading() as session:
        found = await api.page(
            session,
            visit.principal,
            visit.paging,
            role=Side(side) if side else None,
            status=State(status) if status in set(State) else None,
            overdue=True if visit.query("overdue") else None,
            subscription_id=visit.query("subscription_id"),
        )
    return Corrections(side, sides, found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was raised between two days, by provider and element."""

    figures: Sequence[FiguresView]
    from_: str
    to: str


@page(router, f"{ADDRESS}/statistics", "correction_statistics.html")
async def statistics(visit: Visit) -> Statistics:
    first, last = day_of(visit.query("from")), day_of(visit.query("to"))
    async with visit.reading() as session:
        found = await api.statistics(
            session,
            visit.principal,
            since=None if first is None else end_of_day(first - DAY),
            until=None if last is None else end_of_day(last),
        )
    return Statistics(found.items, str(first or ""), str(last or ""))


@dataclass(frozen=True, slots=True)
class NewCorrection:
    subscription_id: str
    resource_name: str
    items: Sequence[ItemWire]
    masked: Sequence[str]


@page(router, f"{ADDRESS}/new", NEW)
async def new(visit: Visit) -> NewCorrection:
    visit.principal.require_role(Role.CLERK, Role.HEAD)
    subscription_id = visit.text("subscription") or visit.query("subscription") or ""
    async with visit.reading() as session:
        row = await subscriptions.find(session, visit.principal, subscription_id)
        if row.consumer_department != visit.principal.department:
            raise NotFound
        shown = await versions.shown(
            session, visit.principal, row.resource_id, row.resource_version
        )
        items = await item_views(session, shown)
    granted = [item for item in items if item.name in row.items]
    masked = [
        item.name for item in granted if item.mask is not None and item.name not in row.unmasked
    ]
    return NewCorrection(subscription_id, shown.version.name, granted, masked)


async def submit(visit: Visit) -> Go:
    subscription_id = forms.required(visit, "subscription")
    body = forms.body(CorrectionIn, await _said(visit, subscription_id))
    using, principal = visit.using, visit.principal
    asked, received = await filing.look(
        using.database, using.bus.search, using.bus.marking, principal, subscription_id,
        body.request(), told_within=using.settings.audit_flush_seconds,
    )  # fmt: skip
    limits = limits_of(using.settings)
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        made = await filing.submit(
            session, principal, asked, received, limits=limits, now=visit.now
        )
        await keeping.attach(session, principal, "correction", made.id, ids)
        correction_id = made.id
    return Go(f"{ADDRESS}/{correction_id}", N_("校核申请已提出，办理时限见下。"))


async def _said(visit: Visit, subscription_id: str) -> dict[str, Any]:
    """Return what the form says; an expected value is read by the type of its item."""
    async with visit.reading() as session:
        row = await subscriptions.find(session, visit.principal, subscription_id)
        contract = await versions.shown_contract(
            session, visit.principal, row.resource_id, row.resource_version,
            on=local_date(visit.now),
        )  # fmt: skip
    types = {field.name: field.data_type for field in contract.fields}
    items = []
    for name in visit.texts("items"):
        expected = visit.text(f"expected_{name}")
        read = None if expected is None else filters.read(expected, "eq", types.get(name))
        items.append({"item": name, **forms.present({"expected": read})})
    typed = forms.present({name: visit.text(name) for name in ("key", "problem", "description")})
    return {**typed, "items": items}


act(router, f"{ADDRESS}/new", new, NEW)(submit)


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """One correction; `labels` name the disputed items, `dispute` leads to one about it."""

    correction: CorrectionDetail
    labels: Mapping[str, str]
    dispute: str


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> CorrectionPage:
    async with visit.reading() as session:
        found = await api.find(visit.part("id"), session, visit.principal, Response())
        labels = await _labels(visit, session, found.resource_id)
        between = (found.consumer_department, found.provider_department)
        dispute = await disputes.link(visit, session, Kind.CORRECTION, found.id, between=between)
    return CorrectionPage(found, labels, dispute)


async def _labels(visit: Visit, session: ReadSession, resource_id: str) -> Mapping[str, str]:
    try:
        shown = await versions.shown(session, visit.principal, resource_id)
    except NotFound:
        return {}
    return {item["name"]: item["label"] for item in shown.version.items}


_step = steps(router, ADDRESS, one, ONE)


async def _answer(
    visit: Visit, session: WriteSession, correction_id: str, action: Action
) -> Correction:
    rejects = action is Action.REJECT
    reason = forms.required(visit, "reason") if rejects else visit.text("reason")
    return await moves.answer(
        session, visit.principal, correction_id, action, reason=reason, now=visit.now
    )


async def _accept(visit: Visit, session: WriteSession, correction_id: str) -> Correction:
    return await _answer(visit, session, correction_id, Action.ACCEPT)


async def _reject(visit: Visit, session: WriteSession, correction_id: str) -> Correction:
    return await _answer(visit, session, correction_id, Action.REJECT)


async def _end(
    visit: Visit, session: WriteSession, correction_id: str, action: Action
) -> Correction:
    reason = visit.text("reason")
    return await moves.end(
        session, visit.principal, correction_id, action, reason=reason, now=visit.now
    )


async def _confirm(visit: Visit, session: WriteSession, correction_id: str) -> Correction:
    return await _end(visit, session, correction_id, Action.CONFIRM)


async def _withdraw(visit: Visit, session: WriteSession, correction_id: str) -> Correction:
    return await _end(visit, session, correction_id, Action.WITHDRAW)


async def _reopen(visit: Visit, session: WriteSession, correction_id: str) -> Correction:
    return await moves.reopen(
        session,
        visit.principal,
        correction_id,
        reason=visit.text("reason"),
        limits=limits_of(visit.using.settings),
        now=visit.now,
    )


async def fix(visit: Visit) -> Go:
    """Name the receipt with the right record, which is looked for outside any session."""
    correction_id, bus = visit.part("id"), visit.using.bus
    receipt = forms.body(FixIn, forms.present({"receipt_id": visit.text("receipt_id")}))
    found = await fixing.find(
        visit.using.database,
        bus.search,
        bus.marking,
        bus.publisher.receipt_key,
        visit.principal,
        correction_id,
        receipt.receipt_id,
        seconds=AT_ONCE_SECONDS,
    )
    async with visit.writing() as session:
        await fixing.fix(session, visit.principal, correction_id, found, now=visit.now)
    return Go(f"{ADDRESS}/{correction_id}", N_("已登记更正，等待需求方确认。"))


_step(Action.ACCEPT, N_("已受理，请更正数据后登记回执。"), _accept)
_step(Action.REJECT, N_("已答复不予更正。"), _reject)
_step(Action.CONFIRM, N_("已确认更正。"), _confirm)
_step(Action.REOPEN, N_("已退回，提供方须再次更正。"), _reopen)
_step(Action.WITHDRAW, N_("校核申请已撤回。"), _withdraw)
act(router, f"{ADDRESS}/{{id}}/fix", one, ONE)(fix)
