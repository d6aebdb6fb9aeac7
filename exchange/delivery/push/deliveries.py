"""What was pushed, as its own department sees it: listed, tried again, skipped with a reason."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from auth.principal import Principal
from exchange import store as moving
from exchange.delivery.push import endpoints, store
from exchange.delivery.push.states import HEAD, READERS
from exchange.delivery.push.tables import Delivery
from exchange.events import ExchangeEvent
from exchange.parties import authorize
from exchange.subscriptions import register
from exchange.subscriptions.tables import Subscription
from kernel import audit
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.errors import IllegalTransition, InvalidCursor, NotFound
from kernel.paging import Page, PageRequest, encode

KEPT: Final = timedelta(days=30)


class Status(StrEnum):
    """`sending`: under way, or its worker died; `waiting` for the next try."""

    SENDING = "sending"
    WAITING = "waiting"
    DELIVERED = "delivered"
    SKIPPED = "skipped"


class Action(StrEnum):
    RETRY = "retry"
    SKIP = "skip"


async def page(
    session: ReadSession,
    principal: Principal,
    subscription_id: str,
    request: PageRequest,
    status: Status | None = None,
) -> Page[Delivery]:
    """Return deliveries, the newest first; NotFound to outsiders, 403 to the provider."""
    subscription = await register.find(session, principal, subscription_id)
    authorize(principal, subscription, READERS)
    rows = await store.deliveries(
        session, subscription_id, status, _number(request), request.limit + 1
    )
    items = rows[: request.limit]
    more = len(rows) > request.limit
    return Page(items, encode(str(items[-1].number)) if more else None)


async def retry(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    delivery_id: str,
    *,
    now: datetime,
) -> Delivery:
    """Try a batch that waits at once."""
    row = await _waiting(session, principal, subscription_id, delivery_id)
    await store.retry_now(session, subscription_id, row.id, now)
    event = ExchangeEvent.DELIVERY_RETRIED
    audit.record(session, principal.actor, event, "subscription", subscription_id, delivery=row.id)
    await announce(session, endpoints.KIND, subscription_id)
    return await _reread(session, row)


async def skip(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    delivery_id: str,
    *,
    reason: str,
    now: datetime,
) -> Delivery:
    """Leave a batch that waits out for good; what comes after it is pushed."""
    row = await _waiting(session, principal, subscription_id, delivery_id)
    await store.skip(session, row, principal.id, reason, now)
    facts = {"delivery": row.id, "records": row.records, "reason": reason}
    event = ExchangeEvent.DELIVERY_SKIPPED
    audit.record(session, principal.actor, event, "subscription", subscription_id, **facts)
    await announce(session, endpoints.KIND, subscription_id)
    return await _reread(session, row)


async def forget_old(session: WriteSession, now: datetime) -> int:
    """Forget what ended long ago; returns how many."""
    return await store.forget(session, now - KEPT)


def allowed(row: Delivery) -> list[Action]:
    return list(Action) if row.status == Status.WAITING else []


async def _waiting(
    session: WriteSession, principal: Principal, subscription_id: str, delivery_id: str
) -> Delivery:
    """Return a batch that waits; its lane moves no further until the transaction ends."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    authorize(principal, subscription, HEAD)
    row = await store.delivery(session, subscription_id, delivery_id)
    if row is None:
        raise NotFound
    lane = await store.lane_of(session, subscription_id, delivery_id)
    row = await _reread(session, row)
    if lane is None or row.status != Status.WAITING:
        raise IllegalTransition(state=row.status, allowed=allowed(row))
    return row


async def _reread(session: ReadSession, row: Delivery) -> Delivery:
    fresh = await store.delivery(session, row.subscription_id, row.id)
    if fresh is None:
        raise NotFound
    return fresh


def _number(request: PageRequest) -> int | None:
    after = request.after
    if after is None:
        return None
    if not (after.isascii() and after.isdigit()) or len(after) > 18:  # noqa: PLR2004 - of a bigint
        raise InvalidCursor
    return int(after)
