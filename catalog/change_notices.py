"""Notices that what an entry describes has changed: they start C1 (Order 809 Art 17).

The department's head gives notice and may ask once for more days; the authority consents.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from auth.principal import Principal, Role
from catalog import versions
from catalog.clocks import EXTENSION_DAYS, UPDATE_DAYS
from catalog.deadline_tables import Deadline, Kind
from catalog.errors import ChangeNoticed, ResourceNotPublished
from catalog.events import CatalogEvent
from catalog.states import step
from catalog.store import deadlines as store
from catalog.tables import Resource
from catalog.visibility import Shown, serves
from kernel import outbox
from kernel.audit import record
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors, IllegalTransition
from kernel.terms import Term, is_breached, last_day
from kernel.workdays import local_date

LONGEST_AGO = timedelta(days=2 * 366)


class NoticeState(StrEnum):
    RUNNING = "running"
    LATE = "late"
    EXTENSION_REQUESTED = "extension_requested"
    EXTENDED = "extended"
    IN_REVIEW = "in_review"


class NoticeAction(StrEnum):
    EXTEND = "extend"
    CONSENT = "consent"


# Who asks in time may still be answered late; what is late or in review needs no more days.
NEXT = {
    (NoticeState.RUNNING, NoticeAction.EXTEND): NoticeState.EXTENSION_REQUESTED,
    (NoticeState.EXTENSION_REQUESTED, NoticeAction.CONSENT): NoticeState.EXTENDED,
}


def state_of(notice: Deadline, now: datetime) -> NoticeState:
    """Return where a notice stands; pure."""
    extension = notice.note.get("extension")
    if notice.met_at is not None:
        return NoticeState.IN_REVIEW
    if extension is None:
        late = is_breached(notice.due_at, now)
        return NoticeState.LATE if late else NoticeState.RUNNING
    asked = extension.get("consented_at") is None
    return NoticeState.EXTENSION_REQUESTED if asked else NoticeState.EXTENDED


async def give(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    *,
    occurred_on: date,
    cause: str,
    now: datetime,
) -> Shown:
    """Start C1 on the day of the change; ResourceNotPublished, ChangeNoticed where one runs."""
    shown = await _of_head(session, principal, resource_id)
    _require_past(occurred_on, now)
    if not serves(shown.resource):
        raise ResourceNotPublished
    note = {"occurred_on": occurred_on.isoformat(), "cause": cause, "by": principal.id}
    term = Term(occurred_on, UPDATE_DAYS)
    if not await store.begin(session, resource_id, Kind.UPDATE, term, note=note, now=now):
        raise ChangeNoticed
    facts = {"occurred_on": occurred_on.isoformat(), "cause": cause}
    _tell(session, principal, CatalogEvent.CHANGE_NOTICED, shown.resource, term, facts)
    return shown


def _require_past(occurred_on: date, now: datetime) -> None:
    today = local_date(now)
    if today - LONGEST_AGO <= occurred_on <= today:
        return
    errors = FieldErrors()
    errors.add(
        "occurred_on",
        "out_of_range",
        "变化日期应在今天之前、两年之内",
        "should be today or within the last two years",
    )
    errors.raise_if_any()


async def extend(
    session: WriteSession, principal: Principal, resource_id: str, *, reason: str, now: datetime
) -> Shown:
    """Ask the authority for more days, once and in time; IllegalTransition."""
    shown = await _of_head(session, principal, resource_id)
    notice = await _notice(session, shown.resource, NoticeAction.EXTEND, now)
    asked = {"reason": reason, "by": principal.id, "at": now.isoformat()}
    await store.write(session, notice, note=notice.note | {"extension": asked})
    term = Term(notice.due_from, notice.due_days)
    event = CatalogEvent.UPDATE_EXTENSION_REQUESTED
    _tell(session, principal, event, shown.resource, term, {"reason": reason})
    return shown


async def consent(
    session: WriteSession, principal: Principal, resource_id: str, *, now: datetime
) -> Shown:
    """Consent to the days asked for: they count on from the last one; IllegalTransition."""
    shown = await versions.shown(session, principal, resource_id)
    principal.require_authority(shown.resource.region_code)
    notice = await _notice(session, shown.resource, NoticeAction.CONSENT, now)
    term = Term(notice.due_from, notice.due_days).extended(EXTENSION_DAYS)
    consented = {"consented_by": principal.id, "consented_at": now.isoformat()}
    extension = notice.note["extension"] | consented
    note = notice.note | {"extension": extension}
    await store.write(session, notice, note=note, **term.columns())
    event = CatalogEvent.UPDATE_EXTENSION_CONSENTED
    _tell(session, principal, event, shown.resource, term, {})
    return shown


async def _of_head(session: ReadSession, principal: Principal, resource_id: str) -> Shown:
    shown = await versions.shown(session, principal, resource_id)
    principal.require_role(Role.HEAD)
    principal.require_department(shown.resource.department)
    return shown


async def _notice(
    session: WriteSession, resource: Resource, action: NoticeAction, now: datetime
) -> Deadline:
    """Lock the notice that runs; raises IllegalTransition where the action is not possible."""
    notice = await store.locked(session, resource.id, Kind.UPDATE)
    if notice is None:
        raise IllegalTransition(
            "没有正在计时的变更通知", "No notice of a change is running", state="none", allowed=[]
        )
    step(NEXT, state_of(notice, now), action)
    return notice


def _tell(
    session: WriteSession,
    principal: Principal,
    event: CatalogEvent,
    resource: Resource,
    term: Term,
    facts: dict[str, Any],
) -> None:
    due_on = last_day(term.due_at).isoformat()
    record(session, principal.actor, event, "resource", resource.id, due_on=due_on, **facts)
    parties = {
        "resource_id": resource.id,
        "department": resource.department,
        "region_code": resource.region_code,
        "due_on": due_on,
    }
    outbox.add(session, event, resource.id, parties | facts)
