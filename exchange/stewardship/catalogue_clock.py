"""Records missed deadlines of catalogue entries and reckons open ones anew (Order 809 Art 17).

A missed day is recorded once and told to the authority; it decides nothing (P7).
"""

from datetime import datetime

from catalog import clocks
from catalog import directory as catalogue
from catalog.clocks import Deadline, Kind
from exchange.events import ExchangeEvent
from exchange.violations import recording as violations
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.database import WriteSession
from kernel.terms import Term
from kernel.workdays import notice_until

MARKED_AT_ONCE = 200


async def mark_entries(session: WriteSession, now: datetime) -> int:
    """Record each newly missed deadline once; safe from several workers at once.

    Returns how many, MARKED_AT_ONCE at most: call again while it returns that many.
    """
    overdue = await clocks.take_overdue(session, now, MARKED_AT_ONCE)
    for deadline in overdue:
        facts = clocks.facts(deadline)
        await _record(session, deadline, now)
        await _tell(session, ExchangeEvent.DEADLINE_BREACHED, deadline, facts)
    return len(overdue)


async def _record(session: WriteSession, deadline: Deadline, now: datetime) -> None:
    """Count it against the department, a late review (C2) against the lowest authority over it.

    The yearly review is no duty of Order 809: to miss it is told, and counts as no violation.
    """
    if deadline.kind == Kind.YEARLY:
        return
    parties = await catalogue.parties(session, deadline.resource_id)
    responsible: tuple[str, str] | None = parties["department"], parties["region_code"]
    if deadline.kind == Kind.REVIEW:
        responsible = await violations.reviewer_of(session, parties["region_code"])
    if responsible is None:
        return
    await violations.missed(
        session,
        deadline.kind,
        department=responsible[0],
        region_code=responsible[1],
        thing="resource",
        thing_id=deadline.resource_id,
        occasion=str(deadline.id),
        due_at=deadline.due_at,
        now=now,
    )


async def reckon_entries(session: WriteSession, _now: datetime) -> int:
    """Reckon open deadlines anew that rest on an older calendar, and tell which have moved."""
    reckoned = await clocks.reckon_anew(session, notice_until(), MARKED_AT_ONCE)
    for each in reckoned:
        await _tell_moved(session, *each)
    return len(reckoned)


async def reckon_open(session: WriteSession) -> int:
    """Reckon every open deadline anew, and tell which have moved; return how many."""
    moved = await clocks.reckon_open(session, MARKED_AT_ONCE)
    for each in moved:
        await _tell_moved(session, *each)
    return len(moved)


async def _tell_moved(
    session: WriteSession, deadline: Deadline, before: datetime, term: Term
) -> None:
    if term.due_at != before:
        facts = {"before": str(before), "calendar": term.calendar}
        facts = clocks.facts(deadline) | {"due_at": str(term.due_at)} | facts
        await _tell(session, ExchangeEvent.DEADLINE_RECKONED_ANEW, deadline, facts)


async def _tell(
    session: WriteSession, event: ExchangeEvent, deadline: Deadline, facts: dict[str, object]
) -> None:
    resource_id = deadline.resource_id
    audit.record(session, SYSTEM, event, "resource", resource_id, **facts)
    parties = await catalogue.parties(session, resource_id)
    outbox.add(session, event, resource_id, {**parties, "resource_id": resource_id, **facts})
