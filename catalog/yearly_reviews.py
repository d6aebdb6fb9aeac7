"""The yearly review of published entries (国发〔2016〕51号: the catalogue is reviewed each year).

The year begins with each publication and with each review. A review keeps the entry as it is, or
finds that it must change: then C1 begins that day (Order 809 Art 17). The day is one of the
calendar, no number of working days, and no violation of Order 809 follows from it.
"""

from datetime import datetime
from enum import StrEnum

from auth.principal import Principal, Role
from catalog import change_notices, clocks, versions
from catalog.clocks import a_year_after
from catalog.deadline_tables import Kind
from catalog.errors import ResourceNotPublished, ReviewedMeanwhile
from catalog.events import CatalogEvent
from catalog.store import deadlines as store
from catalog.visibility import Shown, serves
from kernel import outbox
from kernel.audit import record
from kernel.database import WriteSession
from kernel.workdays import local_date


class Outcome(StrEnum):
    KEPT = "kept"
    TO_CHANGE = "to_change"


async def review(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    outcome: Outcome,
    *,
    note: str,
    now: datetime,
) -> Shown:
    """Record a review by the department's head, at any time of the year.

    Raises ResourceNotPublished, and ReviewedMeanwhile where another review won.
    """
    shown = await versions.shown(session, principal, resource_id)
    principal.require_role(Role.HEAD)
    principal.require_department(shown.resource.department)
    if not serves(shown.resource):
        raise ResourceNotPublished
    said = {"outcome": str(outcome), "note": note, "by": principal.id}
    await _end(session, resource_id, said, now)
    if not await clocks.begin_year(session, resource_id, now=now):
        raise ReviewedMeanwhile
    _tell(session, principal, shown, outcome, note, now)
    if outcome is Outcome.TO_CHANGE:
        await _change(session, principal, resource_id, note, now)
    return shown


async def _end(
    session: WriteSession, resource_id: str, said: dict[str, str], now: datetime
) -> None:
    running = await store.locked(session, resource_id, Kind.YEARLY)
    if running is not None:
        await store.write(session, running, met_at=now, ended_at=now, note=said)


async def _change(
    session: WriteSession, principal: Principal, resource_id: str, note: str, now: datetime
) -> None:
    """Start C1 today; one that runs already goes on as it is."""
    if await store.locked(session, resource_id, Kind.UPDATE) is None:
        await change_notices.give(
            session, principal, resource_id, occurred_on=local_date(now), cause=note, now=now
        )


def _tell(
    session: WriteSession,
    principal: Principal,
    shown: Shown,
    outcome: Outcome,
    note: str,
    now: datetime,
) -> None:
    resource = shown.resource
    facts = {
        "outcome": str(outcome),
        "note": note,
        "due_on": a_year_after(local_date(now)).isoformat(),
    }
    event = CatalogEvent.REVIEWED_YEARLY
    record(session, principal.actor, event, "resource", resource.id, **facts)
    parties = {
        "resource_id": resource.id,
        "department": resource.department,
        "region_code": resource.region_code,
    }
    outbox.add(session, event, resource.id, parties | facts)
