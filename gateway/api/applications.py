"""`/v1/applications`: asking for items of a resource, and answering (`api.md` section 4)."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Query, Response

from auth.principal import Role, Scope
from exchange.applications import agreement, apply, register, review
from exchange.applications.folding import when_folded
from exchange.applications.register import Application
from exchange.applications.review import RefusalCode
from exchange.applications.states import ALLOWED_ROLES, State
from exchange.attachments import keeping
from exchange.parties import Side
from gateway.api.application_shapes import (
    Agreement,
    ApplicationChanges,
    ApplicationDetail,
    ApplicationIn,
    ApplicationView,
    ExtensionRequest,
    Refusal,
    Rerouting,
    SupplementRequest,
    standing_of,
    told,
)
from gateway.api.attachment_shapes import FIELD
from gateway.api.sharing import Remark, history_views, limits_of, reason_of
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.once import Acting, Keyed, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import WriteSession

router = APIRouter(prefix="/v1/applications", tags=["applications"])

Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.CLERK))]


class Telling:
    """Answers with an application after a step of it, tagged, with names beside ids."""

    def __init__(self, principal: ApplicationsWriter, session: Writing, response: Response) -> None:
        self._principal, self._session, self._response = principal, session, response

    async def view(self, application: Application, now: datetime) -> ApplicationView:
        view = (await told(self._session, self._principal, [application], now))[0]
        tag(self._response, application.revision, standing_of(view))
        return ApplicationView.model_validate(view)


Tell = Annotated[Telling, Depends()]


class Stepping(Telling):
    """The same after a transition, whose answer is given again to its Idempotency-Key."""

    def __init__(
        self, principal: ApplicationsWriter, session: Writing, response: Response, once: Acting
    ) -> None:
        super().__init__(principal, session, response)
        self._once = once

    async def step(self, application: Application, now: datetime) -> ApplicationView:
        return await self._once.keep(await self.view(application, now))


Step = Annotated[Stepping, Depends()]
Act: TypeAlias = Callable[[WriteSession], Awaitable[Application]]


class Grantor:
    """Does a step that may grant, and so wait for the latest state of the resource."""

    def __init__(
        self, principal: ApplicationsWriter, using: Using, response: Response, key: Keyed
    ) -> None:
        self._principal, self._using, self._response = principal, using, response
        self._key = key

    async def step(self, act: Act, now: datetime) -> ApplicationView:
        """Answer with the application, again to its Idempotency-Key."""

        async def work(session: WriteSession) -> ApplicationView:
            once = await self._key.claimed(session)
            moved = await act(session)
            tell = Telling(self._principal, session, self._response)
            return await once.keep(await tell.view(moved, now))

        return await when_folded(self._using.database, work)


Granting = Annotated[Grantor, Depends()]


@router.post("", status_code=201)
async def create(
    body: ApplicationIn,
    principal: ApplicationsWriter,
    session: Writing,
    once: Creating,
    tell: Tell,
) -> ApplicationView:
    """A consumer's clerk drafts an application for one of its application systems."""
    now = clock.now()
    application = await apply.create(session, principal, body.resource_id, body.content(), now=now)
    await keeping.attach(session, principal, "application", application.id, body.attachments)
    return await once.keep(await tell.view(application, now))


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
    views = await told(session, principal, found.items, now)
    items = [ApplicationView.model_validate(view) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{application_id}")
async def find(
    application_id: str, principal: CatalogReader, session: Reading, response: Response
) -> ApplicationDetail:
    """一项共享申请 / one application, with its clock and history."""
    now = clock.now()
    application = await register.find(session, principal, application_id)
    steps = await register.history(session, application_id)
    view = (await told(session, principal, [application], now))[0]
    view["history"] = await history_views(session, principal, steps, ALLOWED_ROLES)
    tag(response, application.revision, standing_of(view))
    return ApplicationDetail.model_validate(view)


@router.patch("/{application_id}")
async def change(
    application_id: str,
    body: ApplicationChanges,
    principal: ApplicationsWriter,
    session: Writing,
    revision: Revision,
    tell: Tell,
) -> ApplicationView:
    """Rewrite fields of a draft."""
    now = clock.now()
    application = await apply.change(
        session, principal, application_id, body.changes(), revision=revision, now=now
    )
    if FIELD in body.model_fields_set:
        await keeping.attach(session, principal, "application", application_id, body.attachments)
    return await tell.view(application, now)


@router.post("/{application_id}/sign")
async def sign(
    application_id: str, principal: ApplicationsWriter, using: Using, granting: Granting
) -> ApplicationView:
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
    return await granting.step(sign_it, now)


@router.post("/{application_id}/request-supplement")
async def request_supplement(
    application_id: str,
    body: SupplementRequest,
    principal: ApplicationsWriter,
    session: Writing,
    tell: Step,
) -> ApplicationView:
    """The provider says, once, everything that is missing (Art 21)."""
    now = clock.now()
    moved = await review.request_supplement(
        session, principal, application_id, missing=body.missing, message=body.message, now=now
    )
    return await tell.step(moved, now)


@router.post("/{application_id}/supplement")
async def supplement(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    tell: Step,
    body: ApplicationChanges | None = None,
) -> ApplicationView:
    """The consumer's clerk hands in what was missing."""
    now, changes = clock.now(), {} if body is None else body.changes()
    moved = await apply.supplement(session, principal, application_id, changes, now=now)
    return await tell.step(moved, now)


@router.post("/{application_id}/extend")
async def extend(
    application_id: str,
    body: ExtensionRequest,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    tell: Step,
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
    return await tell.step(moved, now)


@router.post("/{application_id}/consent-extension")
async def consent_extension(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    tell: Step,
    body: Remark | None = None,
) -> ApplicationView:
    """同意延期答复 / consent to an extension; by the authority (Art 21)."""
    now, note = clock.now(), reason_of(body)
    moved = await review.consent_extension(session, principal, application_id, note=note, now=now)
    return await tell.step(moved, now)


@router.post("/{application_id}/deny-extension")
async def deny_extension(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    tell: Step,
    body: Remark | None = None,
) -> ApplicationView:
    """不同意延期答复 / deny an extension; by the authority (Art 21)."""
    now, note = clock.now(), reason_of(body)
    moved = await review.deny_extension(session, principal, application_id, note=note, now=now)
    return await tell.step(moved, now)


@router.post("/{application_id}/agree")
async def agree(
    application_id: str,
    principal: ApplicationsWriter,
    using: Using,
    granting: Granting,
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
    return await granting.step(agree_to_it, now)


@router.post("/{application_id}/refuse")
async def refuse(
    application_id: str, body: Refusal, principal: ApplicationsWriter, session: Writing, tell: Step
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
        source_department=body.source_department,
        now=now,
    )
    return await tell.step(moved, now)


@router.post("/{application_id}/reroute")
async def reroute(
    application_id: str,
    body: Rerouting,
    principal: ApplicationsWriter,
    using: Using,
    granting: Granting,
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
    return await granting.step(reroute_it, now)


@router.post("/{application_id}/withdraw")
async def withdraw(
    application_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    tell: Step,
    body: Remark | None = None,
) -> ApplicationView:
    """撤回申请 / withdraw an application; by the consumer's head."""
    now, reason = clock.now(), reason_of(body)
    moved = await apply.withdraw(session, principal, application_id, reason=reason, now=now)
    return await tell.step(moved, now)
