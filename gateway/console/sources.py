"""数源: elements, their sources, and claims side by side for the authority to decide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from starlette.responses import RedirectResponse

from auth.principal import Role
from catalog import elements, sources
from catalog.sources import Criteria
from catalog.states import Decision, SourceStatus
from exchange.disputes.states import Kind
from gateway.api.elements import ElementView
from gateway.api.sources import ClaimIn, SourceView, views
from gateway.console import disputes, forms, registry
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession
from kernel.errors import ShuyuanError
from kernel.paging import LIMIT_MAX, PageRequest

router = APIRouter()
CLAIMS = PageRequest(LIMIT_MAX)
ONE = "source.html"
DONE: Mapping[Decision, str] = {
    Decision.DESIGNATE: N_("已确认为数源。"),
    Decision.REJECT: N_("已不予确认。"),
    Decision.REPLACE: N_("已确认，原数源同时终止。"),
    Decision.WITHDRAW: N_("认责已撤回。"),
    Decision.END: N_("数源已终止。"),
}


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """Claims where a status is chosen, else elements."""

    status: str
    elements: Sequence[ElementView]
    claims: Sequence[SourceView]
    next_cursor: str | None


@page(router, "/console/sources", "sources.html")
async def listed(visit: Visit) -> SourcesPage:
    status = visit.query("status") or ""
    async with visit.reading() as session:
        if status in set(SourceStatus):
            criteria = Criteria(status=SourceStatus(status), department=visit.query("department"))
            claims = await sources.search(session, criteria, visit.paging)
            shown = await views(session, visit.principal, claims.items)
            return SourcesPage(status, (), shown, claims.next_cursor)
        words = (visit.query("q") or "")[:100] or None
        found = await elements.find(session, visit.paging, q=words)
    kinds = [ElementView.model_validate(each) for each in found.items]
    return SourcesPage("", kinds, (), found.next_cursor)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, with the decisions that the person may take about it."""

    source: SourceView
    allowed: Sequence[str]
    dispute: str


@dataclass(frozen=True, slots=True)
class ElementPage:
    """One element; `regions` are its open claims and its source, by division."""

    element: ElementView
    regions: Mapping[str, Sequence[Claim]]
    past: Sequence[SourceView]
    may_claim: bool
    may_change: bool


@page(router, "/console/sources/{code}", ONE)
async def one(visit: Visit) -> ElementPage:
    code = visit.part("code")
    async with visit.reading() as session:
        element = ElementView.model_validate(await elements.get(session, code))
        may_change = element.retired_at is None and await _owns(visit, session, code)
        found = await sources.find(session, code, CLAIMS, region_code=None, status=None)
        shown = await views(session, visit.principal, found.items)
        dispute_of = await _disputes(visit, session, [each for each in shown if each.next])
    settled = {view.region_code for view in shown if view.status == SourceStatus.ACTIVE}
    allowed = {
        view.id: [
            step.action
            for step in view.next
            if fits(Decision(step.action), has_source=view.region_code in settled)
            and _may(partial(sources.require, visit.principal, Decision(step.action), row))
        ]
        for row, view in zip(found.items, shown, strict=True)
    }
    regions: dict[str, list[Claim]] = {}
    for view in shown:
        if view.next:
            claim = Claim(view, allowed[view.id], dispute_of.get(view.id, ""))
            regions.setdefault(view.region_code, []).append(claim)
    past = [view for view in shown if not view.next]
    return ElementPage(element, regions, past, visit.has(Role.HEAD), may_change)


async def _owns(visit: Visit, session: ReadSession, code: str) -> bool:
    try:
        await elements.own(session, visit.principal, code)
    except ShuyuanError:
        return False
    return True


async def _disputes(
    visit: Visit, session: ReadSession, standing: Sequence[SourceView]
) -> Mapping[str, str]:
    """Return where the person disputes a rival of its department's claim, by the rival's id."""
    own = {each.region_code for each in standing if each.department == visit.principal.department}
    return {
        each.id: await disputes.link(
            visit, session, Kind.SOURCE, each.id,
            between=(visit.principal.department, each.department),
        )
        for each in standing
        if each.region_code in own
    }  # fmt: skip


def fits(decision: Decision, *, has_source: bool) -> bool:
    """Whether a decision can be taken: a second source never is, and one replaces another."""
    if decision is Decision.DESIGNATE:
        return not has_source
    return decision is not Decision.REPLACE or has_source


def _may(step: Callable[[], None]) -> bool:
    try:
        step()
    except ShuyuanError:
        return False
    return True


async def claim(visit: Visit) -> Go:
    """认责: claim to be the source of the element."""
    code = visit.part("code")
    typed = {name: visit.text(name) for name in ("region_code", "legal_basis")}
    body = forms.body(ClaimIn, forms.present(typed))
    async with visit.writing() as session:
        await sources.claim(session, visit.principal, code, **body.model_dump(), now=visit.now)
    return Go(f"/console/sources/{code}", N_("已认责，等待主管部门确认。"))


act(router, "/console/sources/{code}/claim", one, ONE)(claim)


async def _decide(visit: Visit, decision: Decision) -> Go:
    code = visit.part("code")
    async with visit.writing() as session:
        await sources.decide(
            session,
            visit.principal,
            visit.part("id"),
            decision,
            reason=visit.text("reason"),
            now=visit.now,
        )
    return Go(f"/console/sources/{code}", DONE[decision])


def _decision(decision: Decision) -> None:
    async def take(visit: Visit) -> Go:
        return await _decide(visit, decision)

    act(router, f"/console/sources/{{code}}/claims/{{id}}/{decision}", one, ONE)(take)


for each in Decision:
    _decision(each)


act(router, "/console/sources/{code}/change", one, ONE)(registry.change_element)
act(router, "/console/sources/{code}/retire", one, ONE)(registry.retire_element)


@page(router, "/console/claims/{id}", ONE)
async def to_element(visit: Visit) -> RedirectResponse:
    """Lead from a claim to its element, where its rivals stand beside it."""
    async with visit.reading() as session:
        source = await sources.get(session, visit.part("id"))
    return RedirectResponse(f"/console/sources/{source.element}", 303)
