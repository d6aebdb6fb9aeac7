"""Going on with the same subscription under new terms: renewed or amended.

Its id, position, cursors and what was used today stay; a suspension stays, too.
"""

from datetime import date, datetime, timedelta
from typing import Any, Final

from exchange import store as moving
from exchange.events import ExchangeEvent
from exchange.subscriptions import earlier, stops, store
from exchange.subscriptions.granting import Granted, message
from exchange.subscriptions.states import Action, State, current, next_state
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.actor import Actor
from kernel.changes import announce
from kernel.database import WriteSession
from kernel.errors import Conflict
from kernel.workdays import local_date

EVENTS: Final = {
    Action.RENEW: ExchangeEvent.SUBSCRIPTION_RENEWED,
    Action.AMEND: ExchangeEvent.SUBSCRIPTION_AMENDED,
}
# How long after its last day a subscription may still be renewed.
RENEWABLE: Final = timedelta(days=30)


def is_renewable(subscription: Subscription, now: datetime) -> bool:
    return local_date(now) <= subscription.valid_until + RENEWABLE


def require_renewable(subscription: Subscription, now: datetime) -> None:
    """Raise Conflict where it ended too long ago."""
    if not is_renewable(subscription, now):
        raise Conflict(
            f"共享授权到期已超过 {RENEWABLE.days} 天，不能续期；请重新申请",
            f"The subscription ended more than {RENEWABLE.days} days ago: apply anew",
        )


def state_after(subscription: Subscription, action: Action, now: datetime) -> State:
    """Return the state in which it goes on; raises IllegalTransition."""
    state = current(State(subscription.status), subscription.valid_until, now)
    to = next_state(state, action)
    suspended = subscription.suspended_by is not None
    return State.SUSPENDED if to is State.ACTIVE and suspended else to


async def go_on(
    session: WriteSession,
    actor: Actor,
    subscription_id: str,
    action: Action,
    granted: Granted,
    *,
    now: datetime,
) -> Subscription:
    """Put the terms of an agreement in place of those that held; raises IllegalTransition."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    came_from, to = subscription.status, state_after(subscription, action, now)
    terms = _terms(granted) | _kept(subscription, granted)
    earlier.keep(session, subscription)
    updated = await moving.move(
        session, subscription, to, terms | {"ended_at": None, "end_reason": None}
    )
    if to is State.ACTIVE and came_from != State.ACTIVE:
        await stops.end(session, updated.id)
    facts = {"application_id": granted.application_id} | _told(terms)
    store.add_history(session, updated.id, action, (came_from, to), actor, now, facts)
    audit.record(session, actor, EVENTS[action], "subscription", updated.id, **facts)
    outbox.add(session, EVENTS[action], updated.id, message(updated))
    await announce(session, "subscription", updated.id)
    return updated


def _terms(granted: Granted) -> dict[str, Any]:
    return {
        "resource_version": granted.resource_version,
        "items": granted.items,
        "elements": granted.elements,
        "masks": granted.masks,
        "unmasked": granted.unmasked,
        "row_filter": [condition.as_json() for condition in granted.row_filter],
        "mode": granted.mode,
        "client_id": granted.client_id,
        "editions": granted.editions,
        "records_per_day": granted.records_per_day,
        "valid_until": granted.valid_until,
    }


def _kept(subscription: Subscription, granted: Granted) -> dict[str, Any]:
    """Return what was agreed to before and is not said again: it stays as long as the mode does."""
    same = subscription.mode == granted.mode
    return {
        "detail": granted.detail or (same and subscription.detail),
        "ledger": granted.ledger or (same and subscription.ledger),
    }


def _told(terms: dict[str, Any]) -> dict[str, Any]:
    names = (
        "items",
        "unmasked",
        "row_filter",
        "mode",
        "client_id",
        "records_per_day",
        "valid_until",
    )
    return {name: str(value) if isinstance(value := terms[name], date) else value for name in names}
