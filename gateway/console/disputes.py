"""争议: what departments hold against each other, negotiated, then decided by level (Art 28)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from auth.principal import Role
from exchange.attachments import keeping
from exchange.disputes import register, resolving, subjects
from exchange.disputes.register import Dispute
from exchange.disputes.states import Action, Decision, Kind, Party, State
from gateway import names
from gateway.api import disputes as api
from gateway.api.disputes import Conclusion, DisputeDetail, DisputeView, NewDispute, Ruling
from gateway.console import attachments, forms
from gateway.console.pages import act, page, steps
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound

router = APIRouter()
LIST, FORM, ONE = "disputes.html", "dispute_new.html", "dispute.html"
ADDRESS = "/console/disputes"
# Where the thing of a dispute has its page; `resource` for objections to its version.
PLACES = {
    Kind.SOURCE: "/console/claims/",
    Kind.CATALOGUE: "/console/catalogue/",
    Kind.APPLICATION: "/console/applications/",
    Kind.USE: "/console/subscriptions/",
    Kind.CORRECTION: "/console/corrections/",
}


@dataclass(frozen=True, slots=True)
class Disputes:
    side: str
    sides: Sequence[str]
    disputes: Sequence[DisputeView]
    next_cursor: str | None


@page(router, ADDRESS, LIST)
async def listed(visit: Visit) -> Disputes:
    sides = _sides(visit)
    side, status, kind = (visit.query(name) for name in ("role", "status", "kind"))
    async with visit.reading() as session:
        found = await api.page(
            session,
            visit.principal,
            visit.paging,
            role=Party(side) if side in sides else None,
            status=State(status) if status in set(State) else None,
            kind=Kind(kind) if kind in set(Kind) else None,
        )
    return Disputes(side if side in sides else "", sides, found.items, found.next_cursor)


def _sides(visit: Visit) -> list[str]:
    own: list[str] = [Party.CLAIMANT, Party.RESPONDENT]
    return [*own, Party.AUTHORITY] if visit.has(Role.AUTHORITY, Role.AUDITOR) else own


@dataclass(frozen=True, slots=True)
class Opening:
    """What a dispute is to be about; `open` is one that the department has about it already."""

    kind: str
    about: str
    thing: str
    respondent: str
    place: str
    open: str | None


@page(router, f"{ADDRESS}/new", FORM)
async def new(visit: Visit) -> Opening:
    kind = visit.text("kind") or visit.query("kind")
    about = visit.text("about") or visit.query("about") or ""
    if kind not in set(map(str, subjects.SUBJECTS)) or not about:
        raise NotFound
    visit.principal.require_role(Role.HEAD)
    async with visit.reading() as session:
        subject = await subjects.SUBJECTS[Kind(kind)](session, visit.principal, about)
        view: dict[str, Any] = {**subject.about, "respondent_department": subject.respondent}
        await names.add(session, [view])
        opened = await register.own_open(session, visit.principal, Kind(kind), about)
    thing = view.get("resource_name") or view.get("element_name") or about
    respondent = view["respondent_name"] or subject.respondent
    return Opening(kind, about, thing, respondent, f"{PLACES[Kind(kind)]}{about}", opened)


async def create(visit: Visit) -> Go:
    about = {"kind": visit.text("kind"), "id": visit.text("about")}
    body = forms.body(NewDispute, {"about": about, "claim": visit.text("claim")})
    document = await attachments.received(visit)
    async with attachments.writing_with(visit, document) as (session, ids):
        opened = await subjects.open_about(
            session,
            visit.principal,
            body.about.kind,
            body.about.id,
            text=body.claim,
            now=visit.now,
        )
        await keeping.attach(session, visit.principal, "dispute", opened.id, ids)
    return Go(f"{ADDRESS}/{opened.id}", N_("争议已提出，对方部门会收到通知。"))


act(router, f"{ADDRESS}/new", new, FORM)(create)


@dataclass(frozen=True, slots=True)
class DisputePage:
    """One dispute; `proposed` says whether the other side has proposed a settlement."""

    dispute: DisputeDetail
    proposed: bool
    place: str


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> DisputePage:
    async with visit.reading() as session:
        found = await api.find(visit.part("id"), session, visit.principal, Response())
    theirs = found.settlement_by not in (None, visit.principal.department)
    return DisputePage(found, theirs, _place(found))


def _place(dispute: DisputeView) -> str:
    about = dispute.about
    if about.kind is Kind.VERSION:
        return f"{PLACES[Kind.CATALOGUE]}{about.resource_id}"
    return f"{PLACES[about.kind]}{about.id}"


async def link(
    visit: Visit, session: ReadSession, kind: Kind, about: str, *, between: Sequence[str]
) -> str:
    """Return the address where the person opens a dispute about a thing, or finds the open one.

    It is empty for who is not the head of one of the departments that the thing is between.
    """
    if not visit.has(Role.HEAD) or visit.principal.department not in between:
        return ""
    if len(set(between)) == 1:
        return ""
    opened = await register.own_open(session, visit.principal, kind, about)
    if opened:
        return f"{ADDRESS}/{opened}"
    return f"{ADDRESS}/new?{urlencode({'kind': kind, 'about': about})}"


_step = steps(router, ADDRESS, one, ONE)


async def _reply(visit: Visit, session: WriteSession, dispute_id: str) -> Dispute:
    text = forms.body(api.Reply, forms.present({"text": visit.text("reply")})).text
    return await resolving.reply(session, visit.principal, dispute_id, text=text, now=visit.now)


async def _settle(visit: Visit, session: WriteSession, dispute_id: str) -> Dispute:
    text = forms.body(api.Settlement, {"text": visit.text("text")}).text
    return await resolving.settle(session, visit.principal, dispute_id, text=text, now=visit.now)


async def _escalate(visit: Visit, session: WriteSession, dispute_id: str) -> Dispute:
    reason = visit.text("reason")
    return await resolving.escalate(
        session, visit.principal, dispute_id, reason=reason, now=visit.now
    )


async def _decide(visit: Visit, session: WriteSession, dispute_id: str) -> Dispute:
    typed = {"decision": visit.text("decision"), "reason": visit.text("reason")}
    body = forms.body(Ruling, forms.present(typed))
    return await resolving.decide(
        session,
        visit.principal,
        dispute_id,
        decision=Decision(body.decision),
        reason=body.reason,
        now=visit.now,
    )


async def _appeal(visit: Visit, session: WriteSession, dispute_id: str) -> Dispute:
    reason = forms.required(visit, "reason")
    return await resolving.appeal(
        session, visit.principal, dispute_id, reason=reason, now=visit.now
    )


async def _conclude(visit: Visit, session: WriteSession, dispute_id: str) -> Dispute:
    typed = {"decision": visit.text("decision"), "document": visit.text("document")}
    body = forms.body(Conclusion, forms.present(typed))
    return await resolving.conclude(
        session,
        visit.principal,
        dispute_id,
        decision=Decision(body.decision),
        document=body.document,
        now=visit.now,
    )


_step(Action.REPLY, N_("答复已提交。"), _reply)
_step(Action.SETTLE, N_("已办理；双方同意后争议即了结。"), _settle)
_step(Action.ESCALATE, N_("已提请主管部门裁决。"), _escalate)
_step(Action.DECIDE, N_("已裁决，双方十个工作日内可以提请人民政府决定。"), _decide)
_step(Action.APPEAL, N_("已提请人民政府决定。"), _appeal)
_step(Action.CONCLUDE, N_("人民政府的决定已登记，争议了结。"), _conclude)
