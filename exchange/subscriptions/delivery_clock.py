"""C6: data must be there to be taken within its working days after an agreement (Art 22).

The clock ends when the resource holds what the mode takes: a record, a file or a mounted service.
A missed day is recorded once and told to the authority; it decides nothing (P7).
"""

from datetime import datetime, timedelta

from exchange.events import ExchangeEvent
from exchange.subscriptions import store
from exchange.subscriptions.granting import message
from exchange.subscriptions.tables import Subscription
from exchange.violations import recording as violations
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.database import WriteSession

MARKED_AT_ONCE = 200
C6 = "C6"
# Counts of the last minute reach the database that late (exchange/sealing.py).
SETTLED = timedelta(minutes=3)


async def mark_deliveries(session: WriteSession, now: datetime) -> int:
    """Write down what became live, then what missed its day; safe from several workers at once.

    Returns how many of the larger kind, MARKED_AT_ONCE at most: call again for that many.
    """
    live = await store.take_live(session, MARKED_AT_ONCE)
    for subscription, since in live:
        at = max(since, subscription.created_at)
        await store.write_delivery(session, subscription.id, delivered_at=at)
        if at >= subscription.deliver_by and subscription.delivery_breached_at is None:
            await _breach(session, subscription, now)
    overdue = await store.take_undelivered(session, now - SETTLED, MARKED_AT_ONCE)
    for subscription in overdue:
        await _breach(session, subscription, now)
    return max(len(live), len(overdue))


async def _breach(session: WriteSession, subscription: Subscription, now: datetime) -> None:
    await violations.missed(
        session,
        C6,
        department=subscription.provider_department,
        region_code=subscription.region_code,
        thing="subscription",
        thing_id=subscription.id,
        due_at=subscription.deliver_by,
        now=now,
    )
    step = (subscription.status, subscription.status)
    facts = {"clock": C6, "due_at": str(subscription.deliver_by)}
    updated = await store.write_delivery(session, subscription.id, delivery_breached_at=now)
    store.add_history(session, updated.id, "breach", step, SYSTEM, now, facts)
    event = ExchangeEvent.DEADLINE_BREACHED
    audit.record(session, SYSTEM, event, "subscription", updated.id, **facts)
    payload = message(updated) | facts
    outbox.add(session, event, updated.id, payload)
