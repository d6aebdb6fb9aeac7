"""Answering, closing and opening orders again: each step with history, audit and message."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from auth.principal import Principal
from exchange import store as moving
from exchange.events import ExchangeEvent
from exchange.orders import store
from exchange.orders.register import authorize
from exchange.orders.states import Action, State, next_state
from exchange.orders.tables import Order
from kernel import audit, outbox
from kernel.database import WriteSession
from kernel.errors import FieldErrors
from kernel.workdays import local_date

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.ANSWER: ExchangeEvent.ORDER_ANSWERED,
    Action.CLOSE: ExchangeEvent.ORDER_CLOSED,
    Action.REOPEN: ExchangeEvent.ORDER_REOPENED,
}


async def answer(
    session: WriteSession, principal: Principal, order_id: str, *, text: str, now: datetime
) -> Order:
    """Say what was remedied, as the head of the department."""
    order = await _begin(session, principal, order_id, Action.ANSWER)
    changes = {"answer": text, "answered_by": principal.id, "answered_at": now}
    return await _carry(session, principal, order, Action.ANSWER, changes, {"text": text}, now)


async def close(
    session: WriteSession, principal: Principal, order_id: str, *, reason: str | None, now: datetime
) -> Order:
    """End it: the violations are remedied, or the order was a mistake."""
    order = await _begin(session, principal, order_id, Action.CLOSE)
    changes = {"closed_by": principal.id, "closed_at": now}
    facts = {} if reason is None else {"reason": reason}
    return await _carry(session, principal, order, Action.CLOSE, changes, facts, now)


async def reopen(
    session: WriteSession,
    principal: Principal,
    order_id: str,
    *,
    reason: str,
    due_on: date | None,
    now: datetime,
) -> Order:
    """Ask for more, by the same day or another; raises Invalid for a day that has passed."""
    order = await _begin(session, principal, order_id, Action.REOPEN)
    errors = FieldErrors()
    if due_on is not None and due_on < local_date(now):
        errors.add("due_on", "out_of_range", "不得早于今日", "not before today")
    errors.raise_if_any()
    changes: dict[str, Any] = {"reopen_reason": reason}
    facts = {"reason": reason}
    if due_on is not None:
        changes["due_on"] = due_on
        facts["due_on"] = str(due_on)
    return await _carry(session, principal, order, Action.REOPEN, changes, facts, now)


async def _begin(
    session: WriteSession, principal: Principal, order_id: str, action: Action
) -> Order:
    """Lock the order; raises NotFound, 403 errors, IllegalTransition, in this order."""
    order = await moving.lock(session, Order, order_id)
    authorize(principal, order, action)
    next_state(State(order.status), action)
    return order


async def _carry(
    session: WriteSession,
    principal: Principal,
    order: Order,
    action: Action,
    changes: Mapping[str, Any],
    facts: Mapping[str, Any],
    now: datetime,
) -> Order:
    step = (order.status, next_state(State(order.status), action))
    updated = await moving.move(session, order, step[1], changes)
    store.add_history(session, updated.id, action, step, principal.actor, now, facts)
    audit.record(session, principal.actor, EVENTS[action], "order", updated.id, **facts)
    outbox.add(session, EVENTS[action], updated.id, message(updated))
    return updated


def message(order: Order) -> dict[str, Any]:
    """Return the facts that listeners learn of an order."""
    names = {"id", "status", "department", "region_code", "authority_department", "due_on"}
    return order.model_dump(mode="json", include=names | {"revision"})
