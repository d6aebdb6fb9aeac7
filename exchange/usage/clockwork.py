"""Records whose use is not on record when it should be (C8, Order 809 Art 29, 40).

A missed day is counted once and decides nothing (P7). Where nothing was delivered there is no use.
"""

from datetime import datetime
from typing import Final

from exchange.usage import store
from exchange.violations import recording
from kernel.database import WriteSession
from kernel.workdays import end_of_day, local_date

CLOCK: Final = "C8"
MARKED_AT_ONCE: Final = 200


async def mark_unrecorded(session: WriteSession, now: datetime) -> int:
    """Record each newly missed day once; safe from several workers at once.

    Returns how many, MARKED_AT_ONCE at most: call again while it returns that many.
    """
    rows = await store.unrecorded(session, local_date(now), MARKED_AT_ONCE)
    for subscription_id, consumer, region_code, due_on in rows:
        await recording.missed(
            session,
            CLOCK,
            department=consumer,
            region_code=region_code,
            thing="subscription",
            thing_id=subscription_id,
            occasion=str(due_on),
            due_at=end_of_day(due_on),
            now=now,
        )
    return len(rows)
