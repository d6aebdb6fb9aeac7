"""`/v1/applications`: asking for items of a resource, and answering (`api.md` section 4)."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StrictBool, StrictInt

from auth.principal import Principal, Role, Scope
from exchange.applications import agreement, apply, register, review
from exchange.applications.content import Content
from exchange.applications.folding import when_folded
from exchange.applications.narrowing import Narrowing
from exchange.applications.register import Application
from exchange.applications.review import RefusalCode
from exchange.applications.states import Action, State
from exchange.parties import Side
from gateway.api.sharing import (
    ConditionWire,
    Filter,
    HistoryView,
    Id,
    Items,
    Mode,
    PerDay,
    Prose,
    Remark,
    conditions_of,
    history_view,
    limits_of,
    reason_of,
)
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.once import Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/applications", tags=["applications"])

Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.CLERK))]


class ApplicationIn(Wire):
    resource_id: Id
    client_id: Id
    items: Items
    mode: Mode
    basis: Prose
    scenario: Prose
    scope: Prose
    valid_from: Day | None = None
    valid_until: Day
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    commitment: StrictBool

    def content(self) -> Content:
        fields = self.model_dump(exclude={"resource_id", "row_filter", "items"})
        return Content(items=tuple(self.items), row_filter=conditions_of(self.row_filter), **fields)


class ApplicationChanges(Wire):
    """Only the fields that are sent change, so no default is ever read; `resource_id` stays."""

    client_id: Id = Field(default_factory=str)
    items: Items = Field(default_factory=list)
    mode: Mode = Field(default_factory=lambda: "pull")
    basis: Prose = Field(default_factory=str)
    scenario: Prose = Field(default_factory=str)
    scope: Prose = Field(default_factory=str)
    valid_from: Day | None = None
    valid_until: Day = Field(default_factory=lambda: clock.now().date())
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    commitment: StrictBool = Field(default_factory=bool)

    def changes(self) -> dict[str, Any]:
        sent = self.model_dump(include=self.model_fields_set)
        if "items" in sent:
            sent["items"] = tuple(self.items)
        if "row_filter" in sent:
            sent["row_filter"] = conditions_of(self.row_filter)
        return sent


class SupplementRequest(Wire):
    missing: Annotated[list[Prose], Field(min_length=1, max_length=50)]
    message: Prose


class ExtensionRequest(Wire):
    working_days: StrictInt
    reason: Prose


class Agreement(Wire):
    """What is left out stays as it was asked for; nothing may be widened."""

    items: Items | None = None
    unmasked: Annotated[list[Id], Field(max_length=1000)] | None = None
    row_filter: Filter | None = None
    records_per_day: PerDay | None = None
    valid_until: Day | None = None
    note: Prose | None = None

    def narrowing(self) -> Narrowing:
        return Narrowing(
            items=None if self.items is None else tuple(self.items),
            unmasked=tuple(self.unmasked or ()),
            row_filter=conditions_of(self.row_filter),
            records_per_day=self.records_per_day,
            valid_until=self.valid_until,
            note=self.note,
        )


class Refusal(Wire):
    """1 法律法规不允许, 2 该数据不在本部门, 3 不具备共享条件 (`basis` needed), 4 其它."""

    code: Annotated[StrictInt, Field(ge=1, le=4)]
    reason: Prose
    basis: Prose | None = None


class Rerouting(Wire):
    resource_id: Id
    reason: Prose


class ApplicationView(Wire):
    """`due_at` is the first moment after the last day; it is null while no clock runs."""

    id: str
    status: State
    consumer_department: str
    provider_department: str
    region_code: str
    resource_id: str
    resource_version: int
    client_id: str
    items: list[str]
    mode: str
    basis: str
    scenario: str
    scope: str
    valid_from: Day | None
    valid_until: Day
    row_filter: list[ConditionWire]
    records_per_day: int | None
    commitment: bool
    created_by: str
    created_at: datetime
    submitted_at: datetime | None
    clock: str | None
    due_at: datetime | None
    due_at_rests_on_notice: bool
    remaining_working_days: int | None
    breached: bool
    breached_at: datetime | None
    asked_days: int | None
    extended_days: int
    supplement_used: bool
    decided_at: datetime | None
    decision: dict[str, Any] | None
    subscription_id: str | None
    rerouted_from: str | None
    rerouted_to: str | None
    revision: int
    allowed: list[Action]


class ApplicationDetail(ApplicationView):
    history: list[HistoryView]


def _facts(application: Application, principal: Principal, now: datetime) -> dict[str, Any]:
    standing = register.standing(application, now)
    inner = {"held_days", "decided_by", "due_at", "due_from", "due_days", "due_calendar"}
    return application.model_dump(exclude=inner) | {
        "due_at": standing.due_at,
        "due_at_rests_on_notice": standing.rests_on_notice,
        "remaining_working_days": standing.remaining_working_days,
        "breached": standing.breached,
        "allowed": register.allowed(principal, application),
    }


def _view(application: Application, principal: Principal, now: datetime) -> ApplicationView:
    return ApplicationView.model_validate(_facts(application, principal, now))


@router.post("", status_code=201)
async def create(
    body: ApplicationIn,
    principal: ApplicationsWriter,
    session: Writing,
    once: Creating,
    response: Response,
) -> ApplicationView:
    """A consumer's clerk drafts an application for one of its application systems."""
    now = clock.now()
    application = await apply.create(session, principal, body.resource_id, body.content(), now=now)
    tag(response, application.revision)
    return await once.keep(_view(application, principal, now))


@router.get("")
async def page(
    principal: CatalogReader,
    session: Reading,
    paging: Paging,
    role: Annotated[Side | None, Query()] = None,
    status: Annotated[State | None, Query()] = None,
    overdue: Annotated[bool | None, Query()] = None,
) -> ListOf[ApplicationView]:
    """List what the caller's department asked for, must answer, or oversees."""
    now = clock.now()
    found = await register.page(
        session, principal, paging, now=now, side=role, status=status, overdue=overdue
    )
    items = [_view(row, principal, now) for row in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{application_id}")
async def find(
    application_id: str, principal: CatalogReader, session: Reading, response: Response
) -> ApplicationDetail:
    now = clock.now()
    application = await register.find(session, principal, application_id)
    steps = [history_view(step) for step in await register.history(session, application_id)]
    tag(response, application.revision)
    facts = _facts(application, principal, now)
    return ApplicationDetail.model_validate(facts | {"history": steps})


@router.patch("/{application_id}")
async def change(
    application_id: str,
    body: ApplicationChanges,
    principal: ApplicationsWriter,
    session: Writing,
    revision: Revision,
    response: Response,
) -> ApplicationView:
    """Rewrite fields of a draft."""
    now = clock.now()
    application = await apply.change(
        session, principal, application_id, body.changes(), revision=revision, now=now
    )
    tag(response, application.revision)
    return _view(application, principal, now)


@router.post("/{application_id}/sign")
async def sign(application_id: str, principal: ApplicationsWriter, using: Using) -> ApplicationView:
    """The consumer's head consents and submits; the provider's clock starts (Art 20-21)."""
    now = clock.now()
    sign_it = partial(
        apply.sign,
        principal=principal,
        application_id=application_id,
        limits=limits_of(using.settings),
        now=now,
        four_eyes=using.settings.needs_four_eyes,
    )
    moved = await when_folded(using.database, sign_it)
    return _view(moved, principal, now)


@router.post("/{application_id}/request-supplement")
async def request_supplement(
    application_id: str, body: SupplementRequest, principal: ApplicationsWriter, session: Writing
) -> ApplicationView:
    """The provider says, once, everything that is missing (Art 21)."""
    now = clock.now()
    moved = await review.request_supplement(
        session, principal, application_id, missing=body.missing, message=body.message, now=now
    )
    return _view(moved, principal, now)


@router.post("/{application_id}/supplement")
async def supplement(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    body: ApplicationChanges | None = None,
) -> ApplicationView:
    """The consumer's clerk hands in what was missing."""
    now, changes = clock.now(), {} if body is None else body.changes()
    moved = await apply.supplement(session, principal, application_id, changes, now=now)
    return _view(moved, principal, now)


@router.post("/{application_id}/extend")
async def extend(
    application_id: str,
    body: ExtensionRequest,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
) -> ApplicationView:
    """The provider's head asks the authority for more time (C5)."""
    now = clock.now()
    moved = await review.extend(
        session,
        principal,
        application_id,
        working_days=body.working_days,
        reason=body.reason,
        limits=limits_of(using.settings),
        now=now,
    )
    return _view(moved, principal, now)


@router.post("/{application_id}/consent-extension")
async def consent_extension(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    body: Remark | None = None,
) -> ApplicationView:
    now, note = clock.now(), reason_of(body)
    moved = await review.consent_extension(session, principal, application_id, note=note, now=now)
    return _view(moved, principal, now)


@router.post("/{application_id}/deny-extension")
async def deny_extension(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    body: Remark | None = None,
) -> ApplicationView:
    now, note = clock.now(), reason_of(body)
    moved = await review.deny_extension(session, principal, application_id, note=note, now=now)
    return _view(moved, principal, now)


@router.post("/{application_id}/agree")
async def agree(
    application_id: str,
    principal: ApplicationsWriter,
    using: Using,
    body: Agreement | None = None,
) -> ApplicationView:
    """The provider's head agrees, to everything or to less; a subscription is made."""
    now = clock.now()
    agree_to_it = partial(
        agreement.agree,
        principal=principal,
        application_id=application_id,
        said=(body or Agreement()).narrowing(),
        limits=limits_of(using.settings),
        now=now,
    )
    moved = await when_folded(using.database, agree_to_it)
    return _view(moved, principal, now)


@router.post("/{application_id}/refuse")
async def refuse(
    application_id: str, body: Refusal, principal: ApplicationsWriter, session: Writing
) -> ApplicationView:
    """The provider's head refuses, with reasons (Art 21)."""
    now = clock.now()
    moved = await review.refuse(
        session,
        principal,
        application_id,
        code=RefusalCode(body.code),
        reason=body.reason,
        basis=body.basis,
        now=now,
    )
    return _view(moved, principal, now)


@router.post("/{application_id}/reroute")
async def reroute(
    application_id: str,
    body: Rerouting,
    principal: ApplicationsWriter,
    using: Using,
) -> ApplicationView:
    """The authority sends the request to the right source, as `rerouted_to`."""
    now = clock.now()
    reroute_it = partial(
        review.reroute,
        principal=principal,
        application_id=application_id,
        resource_id=body.resource_id,
        reason=body.reason,
        limits=limits_of(using.settings),
        now=now,
    )
    moved = await when_folded(using.database, reroute_it)
    return _view(moved, principal, now)


@router.post("/{application_id}/withdraw")
async def withdraw(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    body: Remark | None = None,
) -> ApplicationView:
    now, reason = clock.now(), reason_of(body)
    moved = await apply.withdraw(session, principal, application_id, reason=reason, now=now)
    return _view(moved, principal, now)
