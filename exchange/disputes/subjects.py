"""What a dispute may be about, and who stands against whom; objections to versions come alone."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from auth.errors import NotYourDepartment
from auth.principal import Principal, Role
from catalog import contests, versions
from catalog.states import SourceStatus
from exchange.applications import register as applications
from exchange.corrections import register as corrections
from exchange.disputes.opening import Claim, open_dispute
from exchange.disputes.states import Kind
from exchange.disputes.tables import Dispute
from exchange.subscriptions import register as subscriptions
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing in dispute, as the caller sees it: who answers, and facts that name it."""

    respondent: str
    about: Mapping[str, Any] = field(default_factory=dict)


Find = Callable[[ReadSession, Principal, str], Awaitable[Subject]]


async def open_about(
    session: WriteSession,
    principal: Principal,
    kind: Kind,
    about_id: str,
    *,
    text: str,
    now: datetime,
) -> Dispute:
    """Open a dispute about a thing, as the head of one of the departments that it is between.

    Raises RoleRequired, NotFound for what the caller may not see, NotYourDepartment, Conflict,
    Invalid for what has an opening of its own.
    """
    principal.require_role(Role.HEAD)
    find = SUBJECTS.get(kind)
    if find is None:
        raise _own_opening()
    subject = await find(session, principal, about_id)
    claim = Claim(
        kind=kind,
        about_id=about_id,
        about=subject.about,
        claimant=principal.department,
        respondent=subject.respondent,
        text=text,
    )
    return await open_dispute(session, principal, claim, now=now)


def _own_opening() -> Invalid:
    return Invalid(
        errors=[
            FieldError(
                "about.kind",
                "not_in_code_list",
                "对已公告版本的异议请用 /v1/subscriptions/{id}/object 提出",
                "object to an announced version by /v1/subscriptions/{id}/object",
                allowed=tuple(map(str, SUBJECTS)),
            )
        ]
    )


async def _source(session: ReadSession, principal: Principal, source_id: str) -> Subject:
    """Return the rival of the caller's claim, or the source that the caller's claim rivals."""
    source, rivals = await contests.contest(session, source_id)
    departments = {rival.department for rival in rivals} | {source.department}
    if principal.department not in departments:
        raise NotYourDepartment
    about = {"source_id": source.id, "element": source.element}
    if source.department != principal.department:
        return Subject(source.department, about)
    others = [rival for rival in rivals if rival.department != principal.department]
    if not others:
        raise Conflict("该认责没有争议对方", "Nobody else claims this source")
    active = [rival for rival in others if rival.status == SourceStatus.ACTIVE]
    return Subject((active or others)[0].department, about)


async def _catalogue(session: ReadSession, principal: Principal, resource_id: str) -> Subject:
    shown = await versions.shown(session, principal, resource_id)
    return Subject(shown.resource.department, {"resource_id": resource_id})


async def _application(session: ReadSession, principal: Principal, application_id: str) -> Subject:
    row = await applications.find(session, principal, application_id)
    both = (row.consumer_department, row.provider_department)
    return Subject(_other(principal, *both), {"resource_id": row.resource_id})


async def _use(session: ReadSession, principal: Principal, subscription_id: str) -> Subject:
    row = await subscriptions.find(session, principal, subscription_id)
    both = (row.consumer_department, row.provider_department)
    about = {"resource_id": row.resource_id, "subscription_id": subscription_id}
    return Subject(_other(principal, *both), about)


async def _correction(session: ReadSession, principal: Principal, correction_id: str) -> Subject:
    row = await corrections.find(session, principal, correction_id)
    both = (row.consumer_department, row.provider_department)
    about = {"resource_id": row.resource_id, "subscription_id": row.subscription_id}
    return Subject(_other(principal, *both), about)


def _other(principal: Principal, consumer: str, provider: str) -> str:
    """Return the department on the other side; NotYourDepartment for who is on none."""
    if principal.department == consumer:
        return provider
    if principal.department == provider:
        return consumer
    raise NotYourDepartment


SUBJECTS: Final[Mapping[Kind, Find]] = {
    Kind.SOURCE: _source,
    Kind.CATALOGUE: _catalogue,
    Kind.APPLICATION: _application,
    Kind.USE: _use,
    Kind.CORRECTION: _correction,
}
