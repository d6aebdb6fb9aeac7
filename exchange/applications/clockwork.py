"""Records missed reply deadlines and tells the authority; it never decides in anybody's place.

Lateness is a violation (Order 809 Art 39(4)), not consent (P7).
"""

from datetime import datetime

from exchange import store as moving
from exchange.applications import store
from exchange.applications.moves import record_breach
from exchange.applications.states import State
from kernel.database import WriteSession

MARKED_AT_ONCE = 200


async def mark_breaches(session: WriteSession, now: datetime) -> int:
    """Record each newly missed deadline once; safe from several workers at once.

    Returns how many, MARKED_AT_ONCE at most: call again while it returns that many.
    """
    overdue = await store.take_overdue(session, now, MARKED_AT_ONCE)
    for application in overdue:
        record_breach(session, application, now)
        state = State(application.status)
        await moving.move(session, application, state, {"breached_at": now})
    return len(overdue)
