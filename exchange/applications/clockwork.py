"""Records missed reply deadlines and reckons open ones anew; it never decides for anybody.

Lateness is a violation (Order 809 Art 39(4)), not consent (P7).
"""

from datetime import datetime

from exchange import store as moving
from exchange.applications import store
from exchange.applications.deadlines import Term, term_of
from exchange.applications.moves import message, record_breach
from exchange.applications.states import State
from exchange.applications.tables import Application
from exchange.events import ExchangeEvent
from exchange.subscriptions import granting
from exchange.subscriptions import store as subscriptions
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.database import WriteSession
from kernel.workdays import notice_until

MARKED_AT_ONCE = 200
RECKONED = "reckoned-anew"
EVENT = ExchangeEvent.DEADLINE_RECKONED_ANEW


async def mark_breaches(session: WriteSession, now: datetime) -> int:
    """Record each newly missed deadline once; safe from several workers at once.

    Returns how many, MARKED_AT_ONCE at most: call again while it returns that many.
    """
    overdue = await store.take_overdue(session, now, MARKED_AT_ONCE)
    for application in overdue:
        await record_breach(session, application, now)
        state = State(application.status)
        await moving.move(session, application, state, {"breached_at": now})
    return len(overdue)


async def reckon_anew(session: WriteSession, now: datetime) -> int:
    """Reckon open deadlines anew that rest on an older calendar, and tell which have moved.

    A new holiday notice comes with a release, or was added. Returns how many of the larger kind.
    """
    calendar = notice_until()
    applications = await store.take_outdated(session, calendar, MARKED_AT_ONCE)
    for application in applications:
        await _reckon_reply(session, application, now)
    deliveries = await subscriptions.take_outdated(session, calendar, MARKED_AT_ONCE)
    for subscription in deliveries:
        await _reckon_delivery(session, subscription, now)
    return max(len(applications), len(deliveries))


async def reckon_open(session: WriteSession, now: datetime) -> dict[str, int]:
    """Reckon every open deadline anew, and tell which have moved; return how many of each kind."""
    moved = {"application": 0, "subscription": 0}
    after = ""
    while applications := await store.take_open(session, after, MARKED_AT_ONCE):
        after = applications[-1].id
        for application in applications:
            moved["application"] += await _reckon_reply(session, application, now)
    after = ""
    while deliveries := await subscriptions.take_open(session, after, MARKED_AT_ONCE):
        after = deliveries[-1].id
        for subscription in deliveries:
            moved["subscription"] += await _reckon_delivery(session, subscription, now)
    return moved


async def _reckon_reply(session: WriteSession, application: Application, now: datetime) -> bool:
    """Return whether the day has moved; what stays as it is is not written."""
    before = application.due_at
    if before is None:
        return False
    term = term_of(application.due_from, application.due_days, before)
    if (term.due_at, term.calendar) == (before, application.due_calendar):
        return False
    state = State(application.status)
    updated = await moving.move(session, application, state, term.columns())
    if term.due_at == before:
        return False
    step, facts = (state, state), _moved(str(application.clock), before, term)
    store.add_history(session, updated.id, RECKONED, step, SYSTEM, now, facts)
    audit.record(session, SYSTEM, EVENT, "application", updated.id, **facts)
    outbox.add(session, EVENT, updated.id, message(updated) | facts)
    return True


async def _reckon_delivery(
    session: WriteSession, subscription: Subscription, now: datetime
) -> bool:
    before = subscription.deliver_by
    term = term_of(subscription.deliver_from, subscription.deliver_days, before)
    if (term.due_at, term.calendar) == (before, subscription.deliver_calendar):
        return False
    state = subscription.status
    updated = await subscriptions.write_delivery(
        session, subscription.id, deliver_by=term.due_at, deliver_calendar=term.calendar
    )
    if term.due_at == before:
        return False
    facts = _moved("C6", before, term)
    subscriptions.add_history(session, updated.id, RECKONED, (state, state), SYSTEM, now, facts)
    audit.record(session, SYSTEM, EVENT, "subscription", updated.id, **facts)
    outbox.add(session, EVENT, updated.id, granting.message(updated) | facts)
    return True


def _moved(clock: str, before: datetime, term: Term) -> dict[str, str | int]:
    return {
        "clock": clock,
        "before": str(before),
        "due_at": str(term.due_at),
        "calendar": term.calendar,
    }
