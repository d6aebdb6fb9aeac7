"""SQL of use records: until when they reach, and whose are missing (Order 809 Art 29, 40)."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import func, text, update
from sqlmodel import col

from exchange.subscriptions.granting import usage_due_on
from exchange.subscriptions.tables import Subscription
from kernel.database import WriteSession

# Counted once for each day that was missed: a record moves the day on.
_UNRECORDED: Final = text("""
    SELECT s.id, s.consumer_department, d.region_code, s.usage_due_on
    FROM exchange.subscription s JOIN auth.department d ON d.uscc = s.consumer_department
    WHERE s.status IN ('active', 'suspended') AND s.usage_due_on < :today
        AND s.delivered_at IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM exchange.violation v
            WHERE v.type = 'use_not_recorded' AND v.thing_id = s.id
                AND v.occasion = s.usage_due_on::text
        )
    ORDER BY s.id LIMIT :most FOR UPDATE OF s SKIP LOCKED
""")


async def recorded(session: WriteSession, subscription_id: str, period_to: date) -> None:
    """Let the next record be due a year after what is on record now; no earlier than before."""
    due = func.greatest(col(Subscription.usage_due_on), usage_due_on(period_to))
    changed = update(Subscription).where(col(Subscription.id) == subscription_id)
    await session.execute(changed.values(usage_due_on=due))


async def unrecorded(session: WriteSession, today: date, most: int) -> Sequence[Any]:
    """Return and lock those whose day has passed, with department, division and day."""
    return (await session.execute(_UNRECORDED.bindparams(today=today, most=most))).all()
