"""C7: a correction is answered and fixed within ten working days of its receipt (Art 26)."""

from datetime import datetime

from exchange import store as moving
from exchange.applications.deadlines import term_of
from exchange.corrections import store
from exchange.corrections.moves import message, record_breach
from exchange.corrections.states import C7
from exchange.corrections.tables import Correction
from exchange.events import ExchangeEvent
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.database import WriteSession
from kernel.workdays import notice_until

MARKED_AT_ONCE = 200
RECKONED = "reckoned-anew"


async def mark_corrections(session: WriteSession, now: datetime) -> int:
    """Record each newly missed C7 once; safe from several workers at once.

    Returns how many, MARKED_AT_ONCE at most: call again while it returns that many.
    """
    overdue = await store.take_overdue(session, now, MARKED_AT_ONCE)
    for row in overdue:
        await moving.move(session, row, row.status, await record_breach(session, row, now))
    return len(overdue)


async def reckon_corrections(session: WriteSession, now: datetime) -> int:
    """Reckon open days anew that rest on an older calendar, and tell which have moved."""
    outdated = await store.take_outdated(session, notice_until(), MARKED_AT_ONCE)
    for row in outdated:
        await _reckon(session, row, now)
    return len(outdated)


async def reckon_open(session: WriteSession, now: datetime) -> int:
    """Reckon every C7 that runs anew; return how many have moved."""
    moved, after = 0, ""
    while rows := await store.take_open(session, after, MARKED_AT_ONCE):
        after = rows[-1].id
        for row in rows:
            moved += await _reckon(session, row, now)
    return moved


async def _reckon(session: WriteSession, row: Correction, now: datetime) -> bool:
    """Return whether the day has moved; what stays as it is is not written."""
    before, term = row.due_at, term_of(row.due_from, row.due_days, row.due_at)
    if (term.due_at, term.calendar) == (before, row.due_calendar):
        return False
    updated = await moving.move(session, row, row.status, term.columns())
    if term.due_at == before:
        return False
    facts = {
        "clock": C7,
        "before": str(before),
        "due_at": str(term.due_at),
        "calendar": term.calendar,
    }
    step = (updated.status, updated.status)
    store.add_history(session, updated.id, RECKONED, step, SYSTEM, now, facts)
    event = ExchangeEvent.DEADLINE_RECKONED_ANEW
    audit.record(session, SYSTEM, event, "correction", updated.id, **facts)
    outbox.add(session, event, updated.id, message(updated) | facts)
    return True
