"""Reporting the disposal of what was received, and answering (Order 809 Art 27)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from auth.principal import Principal
from exchange import store as moving
from exchange.disposals.states import ALLOWED_ROLES, Action, State, actions, due_at, next_state
from exchange.disposals.tables import Disposal
from exchange.events import ExchangeEvent
from exchange.parties import authorize, may
from exchange.subscriptions import register, store
from exchange.subscriptions.granting import message
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors
from kernel.workdays import local_date

EVENTS: Final = {
    Action.REPORT: ExchangeEvent.DISPOSAL_REPORTED,
    Action.CONFIRM: ExchangeEvent.DISPOSAL_CONFIRMED,
    Action.RETURN: ExchangeEvent.DISPOSAL_RETURNED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the disposal of one subscription stands; `row` is None while nothing was reported."""

    subscription_id: str
    state: State
    due_at: datetime
    row: Disposal | None
    possible: tuple[Action, ...]
    allowed: tuple[Action, ...]


async def find(
    session: ReadSession, principal: Principal, subscription_id: str, *, days: int, now: datetime
) -> Standing:
    """Raise NotFound to outsiders, and Conflict while the subscription has not ended."""
    subscription = await register.find(session, principal, subscription_id)
    _require_ended(subscription, now)
    row = await session.get(Disposal, subscription_id, populate_existing=True)
    return _standing(principal, subscription, row, days)


async def report(  # noqa: PLR0913 - what a report says
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    *,
    method: str,
    done_on: date,
    note: str | None = None,
    days: int,
    now: datetime,
) -> Standing:
    """Say how the data were disposed of, by the consumer's head."""
    subscription, row, to = await _begin(session, principal, subscription_id, Action.REPORT, now)
    _check_done(done_on, subscription, now)
    said: dict[str, Any] = {
        "method": method,
        "done_on": done_on,
        "note": note,
        "reported_by": principal.id,
        "reported_at": now,
    }
    if row is None:
        row = Disposal(id=subscription_id, status=to, **said)
        session.add(row)
        await session.flush()
    else:
        row = await moving.move(session, row, to, said)
    facts = {"method": method, "done_on": str(done_on), "note": note}
    _record(session, principal, subscription, Action.REPORT, now, facts)
    return _standing(principal, subscription, row, days)


async def answer(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    action: Action,
    *,
    reason: str | None = None,
    days: int,
    now: datetime,
) -> Standing:
    """Confirm the disposal, or return it to be done better, by the provider's head."""
    subscription, row, to = await _begin(session, principal, subscription_id, action, now)
    assert row is not None  # noqa: S101 - without a row nothing but a report is possible
    said = {"answered_by": principal.id, "answered_at": now, "answer_reason": reason}
    row = await moving.move(session, row, to, said)
    _record(session, principal, subscription, action, now, {"reason": reason})
    return _standing(principal, subscription, row, days)


async def _begin(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    action: Action,
    now: datetime,
) -> tuple[Subscription, Disposal | None, State]:
    """Lock the subscription, by which reports and answers take turns."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    authorize(principal, subscription, ALLOWED_ROLES[action])
    _require_ended(subscription, now)
    row = await session.get(Disposal, subscription_id, populate_existing=True)
    return subscription, row, next_state(_state(row), action)


def _require_ended(subscription: Subscription, now: datetime) -> None:
    if register.status_at(subscription, now) in LIVE:
        raise Conflict(
            "共享授权尚未终止或到期，不须处置数据",
            "The subscription has not ended: there is nothing to dispose of yet",
        )


def _check_done(done_on: date, subscription: Subscription, now: datetime) -> None:
    errors = FieldErrors()
    if not local_date(subscription.created_at) <= done_on <= local_date(now):
        errors.add(
            "done_on",
            "out_of_range",
            "应在授权之日至今日之间",
            "must lie between the day of the grant and today",
        )
    errors.raise_if_any()


def _state(row: Disposal | None) -> State:
    return State.DUE if row is None else State(row.status)


def _standing(
    principal: Principal, subscription: Subscription, row: Disposal | None, days: int
) -> Standing:
    state = _state(row)
    possible = actions(state)
    mine = tuple(each for each in possible if may(principal, subscription, ALLOWED_ROLES[each]))
    due = due_at(subscription.valid_until, subscription.ended_at, days)
    return Standing(subscription.id, state, due, row, possible, mine)


def _record(
    session: WriteSession,
    principal: Principal,
    subscription: Subscription,
    action: Action,
    now: datetime,
    facts: dict[str, Any],
) -> None:
    step = (subscription.status, subscription.status)
    name = f"disposal-{action}"
    store.add_history(session, subscription.id, name, step, principal.actor, now, facts)
    audit.record(session, principal.actor, EVENTS[action], "subscription", subscription.id, **facts)
    outbox.add(session, EVENTS[action], subscription.id, message(subscription) | facts)
