"""`/v1/disputes`: two departments disagree; negotiated, then decided by level (Art 28)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from auth.directory import Member
from auth.principal import Principal, Role, Scope
from exchange.attachments import keeping
from exchange.disputes import register, resolving, subjects
from exchange.disputes.register import Dispute
from exchange.disputes.resolving import PROPOSE
from exchange.disputes.states import ALLOWED_ROLES, Action, Decision, Kind, Party, Permitted, State
from gateway import names
from gateway.api import attachment_shapes
from gateway.api.attachment_shapes import Attachments, AttachmentView
from gateway.api.sharing import (
    HistoryView,
    Id,
    Line,
    Prose,
    Remark,
    acted_as,
    history_views,
    reason_of,
)
from gateway.lists import ListOf, Paging, tag
from gateway.names import Fields
from gateway.next_steps import NextStep, by_side
from gateway.once import Acting, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/disputes", tags=["disputes"])
uses = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

PEOPLE = ("opened_by", "replied_by", "decided_by", "appealed_by")
ROLES: Mapping[str, Permitted] = {
    **{str(action): permitted for action, permitted in ALLOWED_ROLES.items()},
    "open": {Party.CLAIMANT: frozenset({Role.HEAD})},
    PROPOSE: ALLOWED_ROLES[Action.SETTLE],
}


ACTS = {
    "opened_by": "open",
    "replied_by": "reply",
    "decided_by": "decide",
    "appealed_by": "appeal",
}


class Reply(Wire):
    text: Prose


class Ruling(Wire):
    decision: Decision
    reason: Prose


class AboutIn(Wire):
    """`id` of a claim to be a source, a resource, an application or a subscription (`use`)."""

    kind: Kind
    id: Id


class NewDispute(Wire):
    about: AboutIn
    claim: Prose
    attachments: Attachments


class NewUseDispute(Wire):
    claim: Prose
    attachments: Attachments


class Settlement(Wire):
    """Without `text`, or with the same, what the other side has proposed is agreed to."""

    text: Prose | None = None


class Appeal(Wire):
    reason: Prose


class Conclusion(Wire):
    """The government's decision, and the document that states it."""

    decision: Decision
    document: Line


class AboutView(Wire):
    """The thing that a dispute is about; of kind `version` a resource's announced version."""

    kind: Kind
    id: str
    resource_id: str | None = None
    resource_name: str | None = None
    version: int | None = None
    subscription_id: str | None = None
    source_id: str | None = None
    element: str | None = None
    element_name: str | None = None


class DisputeView(Wire):
    """People are named to their own department, its authority and auditors."""

    id: str
    about: AboutView
    status: State
    claimant_department: str
    claimant_name: str | None
    respondent_department: str
    respondent_name: str | None
    claim: str
    attachments: list[AttachmentView]
    opened_by: str | None
    opened_by_name: str | None
    opened_by_role: str | None
    opened_at: datetime
    reply: str | None
    replied_by: str | None
    replied_by_name: str | None
    replied_by_role: str | None
    replied_at: datetime | None
    decision: Decision | None
    decision_reason: str | None
    decided_by: str | None
    decided_by_name: str | None
    decided_by_role: str | None
    decided_department: str | None
    decided_department_name: str | None
    decided_at: datetime | None
    appeal_until: datetime | None
    settlement: str | None
    settlement_by: str | None
    escalated_at: datetime | None
    appealed_by: str | None
    appealed_by_name: str | None
    appealed_by_role: str | None
    appealed_at: datetime | None
    appeal_reason: str | None
    final_decision: Decision | None
    document: str | None
    closed_at: datetime | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]


class DisputeDetail(DisputeView):
    history: list[HistoryView]


Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.HEAD))]


@router.post("", status_code=201)
async def open_dispute(
    body: NewDispute,
    once: Creating,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
) -> DisputeView:
    """提出争议 / the head of one department claims something against another."""
    about = body.about
    opened = await subjects.open_about(
        session, principal, about.kind, about.id, text=body.claim, now=clock.now()
    )
    await keeping.attach(session, principal, "dispute", opened.id, body.attachments)
    return await once.keep(await _view(session, principal, opened, response))


@uses.post("/{subscription_id}/disputes", status_code=201)
async def open_about_use(
    subscription_id: str,
    body: NewUseDispute,
    once: Creating,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
) -> DisputeView:
    """就共享授权的使用提出争议 / the same about the use of a subscription."""
    opened = await subjects.open_about(
        session, principal, Kind.USE, subscription_id, text=body.claim, now=clock.now()
    )
    await keeping.attach(session, principal, "dispute", opened.id, body.attachments)
    return await once.keep(await _view(session, principal, opened, response))


@router.get("")
async def page(
    session: Reading,
    principal: CatalogReader,
    paging: Paging,
    *,
    role: Annotated[Party | None, Query()] = None,
    status: Annotated[State | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
) -> ListOf[DisputeView]:
    """本部门提出、被提出和有权裁决的争议 / what the department claims, answers or decides."""
    found = await register.page(
        session, principal, paging, now=clock.now(), party=role, status=status, kind=kind
    )
    views = await _views(session, principal, found.items)
    items = [DisputeView.model_validate(view) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{dispute_id}")
async def find(
    dispute_id: str, session: Reading, principal: CatalogReader, response: Response
) -> DisputeDetail:
    """一项异议 / one dispute."""
    row = await register.find(session, principal, dispute_id)
    [view] = await _views(session, principal, [row])
    steps = await register.history(session, dispute_id)
    history = await history_views(session, principal, steps, ROLES)
    tag(response, row.revision)
    return DisputeDetail.model_validate({**view, "history": history})


class Stepping:
    """Answers with a dispute after a step, again to its Idempotency-Key."""

    def __init__(
        self, session: Writing, principal: ApplicationsWriter, response: Response, once: Acting
    ) -> None:
        self._session, self._principal = session, principal
        self._response, self._once = response, once

    async def __call__(self, row: Dispute) -> DisputeView:
        view = await _view(self._session, self._principal, row, self._response)
        return await self._once.keep(view)


Step = Annotated[Stepping, Depends()]


@router.post("/{dispute_id}/reply")
async def reply(
    dispute_id: str, body: Reply, session: Writing, principal: ApplicationsWriter, step: Step
) -> DisputeView:
    """被提出方负责人答复 / the head of the other department answers."""
    moved = await resolving.reply(session, principal, dispute_id, text=body.text, now=clock.now())
    return await step(moved)


@router.post("/{dispute_id}/decide")
async def decide(
    dispute_id: str, body: Ruling, session: Writing, principal: ApplicationsWriter, step: Step
) -> DisputeView:
    """双方共同的最低一级主管部门裁决 / the lowest authority above both decides."""
    moved = await resolving.decide(
        session,
        principal,
        dispute_id,
        decision=body.decision,
        reason=body.reason,
        now=clock.now(),
    )
    return await step(moved)


@router.post("/{dispute_id}/settle")
async def settle(
    dispute_id: str, body: Settlement, session: Writing, principal: ApplicationsWriter, step: Step
) -> DisputeView:
    """提出或同意和解 / propose a settlement, or agree to the other side's."""
    moved = await resolving.settle(session, principal, dispute_id, text=body.text, now=clock.now())
    return await step(moved)


@router.post("/{dispute_id}/escalate")
async def escalate(
    dispute_id: str,
    session: Writing,
    principal: ApplicationsWriter,
    step: Step,
    body: Remark | None = None,
) -> DisputeView:
    """提请主管部门裁决 / call the lowest authority above both."""
    moved = await resolving.escalate(
        session, principal, dispute_id, reason=reason_of(body), now=clock.now()
    )
    return await step(moved)


@router.post("/{dispute_id}/appeal")
async def appeal(
    dispute_id: str, body: Appeal, session: Writing, principal: ApplicationsWriter, step: Step
) -> DisputeView:
    """十个工作日内提请人民政府决定 / ask the government, within ten working days."""
    moved = await resolving.appeal(
        session, principal, dispute_id, reason=body.reason, now=clock.now()
    )
    return await step(moved)


@router.post("/{dispute_id}/conclude")
async def conclude(
    dispute_id: str, body: Conclusion, session: Writing, principal: ApplicationsWriter, step: Step
) -> DisputeView:
    """登记人民政府的决定 / record the government's decision, which closes the dispute."""
    moved = await resolving.conclude(
        session, principal, dispute_id, **body.model_dump(), now=clock.now()
    )
    return await step(moved)


async def _view(
    session: ReadSession, principal: Principal, row: Dispute, response: Response
) -> DisputeView:
    [view] = await _views(session, principal, [row])
    tag(response, row.revision)
    return DisputeView.model_validate(view)


async def _views(
    session: ReadSession, principal: Principal, rows: Sequence[Dispute]
) -> list[Fields]:
    now = clock.now()
    offered = await resolving.offered(session, principal, rows, now=now)
    views = [_fields(row, allowed, now) for row, allowed in zip(rows, offered, strict=True)]
    await names.add(session, [*views, *(view["about"] for view in views)])
    await attachment_shapes.add(session, "dispute", views)
    await names.add_people(session, principal, views, PEOPLE, _person_role)
    return [{name: view[name] for name in DisputeView.model_fields} for view in views]


def _fields(row: Dispute, allowed: Sequence[Action], now: datetime) -> Fields:
    own = row.model_dump(exclude={"kind", "about_id", "about", "claimant_region"})
    return own | {
        "about": {"kind": row.kind, "id": row.about_id, **row.about},
        "status": register.status_at(row, now),
        "allowed": list(allowed),
        "next": by_side(register.possible(row, now), ALLOWED_ROLES),
    }


def _person_role(_view: Fields, field: str, member: Member) -> str | None:
    action = ACTS[field]
    return acted_as(member, ROLES[action])
