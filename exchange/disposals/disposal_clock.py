"""Records who has not disposed of what it received when that was due (Order 809 Art 27, 40).

A missed day is recorded once; it decides nothing (P7).
"""

from datetime import date, datetime, timedelta

from sqlalchemy import text

from exchange.disposals.states import due_at
from exchange.violations import recording
from kernel.database import WriteSession
from kernel.workdays import local_date

MARKED_AT_ONCE = 200
CLOCK = "disposal"
# The last day of a subscription is `valid_until`, or the day on which it was ended before.
UNDISPOSED = text("""
    SELECT s.id, s.consumer_department, d.region_code, s.valid_until, s.ended_at
    FROM exchange.subscription s JOIN auth.department d ON d.uscc = s.consumer_department
    WHERE s.status IN ('expired', 'terminated')
        AND least(s.valid_until, (s.ended_at AT TIME ZONE 'Asia/Shanghai')::date) <= :last
        AND NOT EXISTS (SELECT FROM exchange.disposal p WHERE p.id = s.id)
        AND NOT EXISTS (
            SELECT FROM exchange.violation v
            WHERE v.type = 'not_disposed' AND v.thing_id = s.id AND v.occasion = ''
        )
    ORDER BY s.id LIMIT :most FOR UPDATE OF s SKIP LOCKED
""")


async def mark_undisposed(session: WriteSession, now: datetime, *, days: int) -> int:
    """Record each newly missed disposal once; safe from several workers at once.

    Returns how many, MARKED_AT_ONCE at most: call again while it returns that many.
    """
    last = last_overdue_end(now, days)
    rows = (await session.execute(UNDISPOSED.bindparams(last=last, most=MARKED_AT_ONCE))).all()
    for subscription_id, consumer, region_code, valid_until, ended_at in rows:
        await recording.missed(
            session,
            CLOCK,
            department=consumer,
            region_code=region_code,
            thing="subscription",
            thing_id=subscription_id,
            due_at=due_at(valid_until, ended_at, days),
            now=now,
        )
    return len(rows)


def last_overdue_end(now: datetime, days: int) -> date:
    """Return the last day on which a subscription may have ended whose disposal is overdue."""
    day = local_date(now)
    while due_at(day, None, days) > now:
        day -= timedelta(days=1)
    return day
