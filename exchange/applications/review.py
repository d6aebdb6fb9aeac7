"""The provider's and the authority's steps (Order 809 Art 21)."""

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from auth import directory
from auth.principal import Principal
from exchange.applications import content, deadlines, store
from exchange.applications.agreement import agree_beforehand
from exchange.applications.apply import content_of, received_by
from exchange.applications.deadlines import Limits
from exchange.applications.moves import begin, carry
from exchange.applications.offers import Offer, offered
from exchange.applications.returning import require_no_refusal
from exchange.applications.states import Action, State
from exchange.applications.tables import Application
from exchange.events import ExchangeEvent
from exchange.subscriptions.granting import hold_resource
from kernel import audit
from kernel.database import WriteSession
from kernel.errors import Conflict, FieldErrors
from kernel.ids import new_id
from kernel.workdays import local_date


class RefusalCode(IntEnum):
    """Grounds of a refusal, as the national platform numbers them."""

    FORBIDDEN_BY_LAW = 1
    NOT_OUR_DATA = 2
    CONDITIONS_NOT_MET = 3
    OTHER = 4


async def request_supplement(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    missing: Sequence[str],
    message: str,
    now: datetime,
) -> Application:
    """Say once everything that is missing (Art 21); the clock stands still until it comes."""
    application = await begin(session, principal, application_id, Action.REQUEST_SUPPLEMENT)
    days_held = application.due_at and deadlines.held_days(application.due_at, now)
    changes = {"supplement_used": True, "held_days": days_held}
    facts: dict[str, Any] = {"missing": list(missing), "message": message}
    action = Action.REQUEST_SUPPLEMENT
    return await carry(session, principal.actor, application, action, changes, now=now, **facts)


async def extend(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    working_days: int,
    reason: str,
    limits: Limits = deadlines.LEGAL,
    now: datetime,
) -> Application:
    """Ask the authority for more time (C5); the clock runs on until it consents."""
    application = await begin(session, principal, application_id, Action.EXTEND)
    if application.due_at is not None and deadlines.is_breached(application.due_at, now):
        raise Conflict(
            "答复时限已过，不能再申请延期；请尽快答复",
            "The deadline has passed and cannot be extended; answer without delay",
        )
    _check_extension(working_days, application.extended_days, limits)
    facts = {"working_days": working_days, "reason": reason}
    changes = {"asked_days": working_days}
    return await carry(
        session, principal.actor, application, Action.EXTEND, changes, now=now, **facts
    )


async def consent_extension(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    note: str | None = None,
    now: datetime,
) -> Application:
    application = await begin(session, principal, application_id, Action.CONSENT_EXTENSION)
    days = application.asked_days or 0
    changes: dict[str, Any] = {
        "asked_days": None,
        "extended_days": application.extended_days + days,
    }
    if application.due_at is not None:
        basis = deadlines.term_of(application.due_from, application.due_days, application.due_at)
        changes |= basis.extended(days).columns()
    facts = {"working_days": days, "due": str(changes.get("due_at")), "note": note}
    action = Action.CONSENT_EXTENSION
    return await carry(session, principal.actor, application, action, changes, now=now, **facts)


async def deny_extension(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    note: str | None = None,
    now: datetime,
) -> Application:
    application = await begin(session, principal, application_id, Action.DENY_EXTENSION)
    action = Action.DENY_EXTENSION
    changes = {"asked_days": None}
    return await carry(session, principal.actor, application, action, changes, now=now, note=note)


async def refuse(  # noqa: PLR0913 - what a refusal says
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    code: RefusalCode,
    reason: str,
    basis: str | None = None,
    source_department: str | None = None,
    now: datetime,
) -> Application:
    """Refuse with reasons (Art 21); unmet conditions must be those of the catalogue (Art 15).

    `source_department` is whose the data are, where they are not the provider's (code 2).
    """
    application = await begin(session, principal, application_id, Action.REFUSE)
    require_no_refusal(application)
    decision: dict[str, Any] = {"code": int(code), "reason": reason, "basis": basis}
    if source_department is not None:
        decision |= await _right_source(session, application, code, source_department)
    if code is RefusalCode.CONDITIONS_NOT_MET:
        offer = await offered(session, application.resource_id)
        _check_basis(basis, offer)
        decision["conditions"] = dict(offer.conditions)
    changes = {"decided_at": now, "decided_by": principal.id, "decision": decision}
    return await carry(
        session, principal.actor, application, Action.REFUSE, changes, now=now, **decision
    )


async def reroute(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    resource_id: str,
    reason: str,
    limits: Limits = deadlines.LEGAL,
    now: datetime,
) -> Application:
    """Send the request to the right source as a new application with a clock of its own.

    Returns the old application; `rerouted_to` names the new one. Raises Invalid when the other
    resource lacks what was asked for.
    """
    application = await begin(session, principal, application_id, Action.REROUTE)
    require_no_refusal(application)
    if application.continues:
        raise Conflict(
            "续期和变更申请不能转办；请答复，或由需求部门另行申请",
            "A renewal or an amendment stays where it is: answer it, or let it be applied for anew",
        )
    if resource_id == application.resource_id:
        raise Conflict("申请已在该资源下", "The application is for this resource already")
    await hold_resource(session, resource_id)
    offer = await offered(session, resource_id)
    asked = content_of(application)
    content.check(
        asked,
        fields=offer.fields,
        masked=offer.masks,
        modes=offer.modes,
        today=local_date(now),
    )
    successor = await _copy(session, principal, application, offer, limits, now=now)
    await agree_beforehand(session, successor, offer, limits, now=now)
    decision = {"reason": reason, "resource_id": resource_id, "rerouted_to": successor.id}
    changes = {
        "decided_at": now,
        "decided_by": principal.id,
        "decision": decision,
        "rerouted_to": successor.id,
    }
    return await carry(
        session, principal.actor, application, Action.REROUTE, changes, now=now, **decision
    )


async def _copy(
    session: WriteSession,
    principal: Principal,
    application: Application,
    offer: Offer,
    limits: Limits,
    *,
    now: datetime,
) -> Application:
    successor = Application(
        id=new_id(),
        consumer_department=application.consumer_department,
        provider_department=offer.department,
        region_code=offer.region_code,
        resource_id=offer.resource_id,
        status=State.SUBMITTED,
        created_by=application.created_by,
        created_at=now,
        rerouted_from=application.id,
        **content_of(application).columns(),
        **received_by(offer, now, limits),
    )
    session.add(successor)
    await session.flush()
    facts = {"rerouted_from": application.id}
    step = (None, State.SUBMITTED)
    store.add_history(session, successor.id, "reroute", step, principal.actor, now, facts)
    event = ExchangeEvent.APPLICATION_CREATED
    audit.record(session, principal.actor, event, "application", successor.id, **facts)
    return successor


def _check_extension(working_days: int, extended_days: int, limits: Limits) -> None:
    errors = FieldErrors()
    days_left = limits.extension - extended_days
    if not 1 <= working_days <= days_left:
        errors.add(
            "working_days",
            "out_of_range",
            f"延期累计不得超过 {limits.extension} 个工作日，还可延长 {days_left} 个",
            f"extensions come to {limits.extension} working days at most; {days_left} are left",
        )
    errors.raise_if_any()


async def _right_source(
    session: WriteSession, application: Application, code: RefusalCode, source_department: str
) -> dict[str, str]:
    """Return the department that the applicant is led to; raises Invalid."""
    errors = FieldErrors()
    name = (await directory.departments(session, [source_department])).get(source_department)
    if code is not RefusalCode.NOT_OUR_DATA:
        errors.add(
            "source_department",
            "fixed",
            "只有以“该数据不在本部门”（代码 2）拒绝时才可指明数源部门",
            "a source is named only where the data are not the provider's (code 2)",
        )
    elif name is None or source_department == application.provider_department:
        errors.add(
            "source_department",
            "not_in_code_list",
            "应为另一个已登记的部门",
            "must be another registered department",
        )
    errors.raise_if_any()
    return {"source_department": source_department, "source_name": str(name)}


def _check_basis(basis: str | None, offer: Offer) -> None:
    errors = FieldErrors()
    if offer.is_unconditional:
        errors.add(
            "code",
            "not_in_code_list",
            "无条件共享的资源没有可以不具备的共享条件（条例第十五条）",
            "an unconditional resource has no conditions that could be unmet (Art 15)",
            allowed=["1", "2", "4"],
        )
    elif basis is None:
        errors.add(
            "basis",
            "missing",
            "须引用资源目录已公布的共享条件（条例第十五条）",
            "cite the conditions published in the catalogue entry (Art 15)",
        )
    errors.raise_if_any()
