"""Suspending, resuming, terminating and expiring subscriptions (Order 809 Art 27)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from auth.principal import Principal
from catalog import versions
from catalog.entries import ShareType
from exchange import store as moving
from exchange.errors import FilingRequired, NotShareable
from exchange.events import ExchangeEvent
from exchange.parties import Side, authorize
from exchange.periods import check_until
from exchange.subscriptions import stops, store
from exchange.subscriptions.granting import message
from exchange.subscriptions.states import (
    ALLOWED_ROLES,
    FILING,
    FILING_ROLES,
    LIVE,
    Action,
    State,
    actions,
    current,
    next_state,
)
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.actor import SYSTEM, Actor
from kernel.changes import announce
from kernel.database import WriteSession
from kernel.errors import FieldErrors, Forbidden, IllegalTransition
from kernel.workdays import local_date

EXPIRED_AT_ONCE = 200
RESTORED: Final = "数据库恢复前已被暂停或终止，请主管部门核实 / stopped before the restore"
GUESSING: Final = "当日三次疑似猜测核验值，请主管部门核实 / seemed to guess three times in a day"

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.SUSPEND: ExchangeEvent.SUBSCRIPTION_SUSPENDED,
    Action.RESUME: ExchangeEvent.SUBSCRIPTION_RESUMED,
    Action.TERMINATE: ExchangeEvent.SUBSCRIPTION_TERMINATED,
    Action.EXPIRE: ExchangeEvent.SUBSCRIPTION_EXPIRED,
}


async def suspend(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    *,
    reason: str,
    remedy_by: date,
    now: datetime,
) -> Subscription:
    """Stop delivery and set the day by which misuse must be remedied (Art 27)."""
    subscription, side, to = await _begin(session, principal, subscription_id, Action.SUSPEND, now)
    _check_remedy_by(remedy_by, now)
    changes = {"suspended_by": side, "suspend_reason": reason, "remedy_by": remedy_by}
    return await _carry(
        session, principal.actor, subscription, Action.SUSPEND, to, changes, now=now
    )


async def suspend_unshared(
    session: WriteSession, actor: Actor, resource_id: str, *, basis: str, now: datetime
) -> None:
    """Stop delivery of a resource whose entry is not to be shared any more (Art 14).

    The caller holds the resource alone: nothing is granted or resumed meanwhile.
    """
    reason = (
        f"资源目录改为不予共享，依据：{basis} / the entry is not to be shared any more: {basis}"
    )
    changes = {"suspended_by": Side.PROVIDER, "suspend_reason": reason}
    for subscription in await store.take_active(session, resource_id, local_date(now)):
        await _carry(
            session, actor, subscription, Action.SUSPEND, State.SUSPENDED, changes, now=now
        )


async def resume(
    session: WriteSession, principal: Principal, subscription_id: str, *, now: datetime
) -> Subscription:
    """Let records flow again; what the authority suspended, only the authority resumes.

    Raises NotShareable while the entry is not to be shared.
    """
    subscription, side, to = await _begin(session, principal, subscription_id, Action.RESUME, now)
    if subscription.suspended_by == Side.AUTHORITY and side is not Side.AUTHORITY:
        raise Forbidden(
            "主管部门决定的暂停须由主管部门恢复", "Only the authority resumes what it suspended"
        )
    await store.hold_resource(session, subscription.resource_id, alone=False)
    if await versions.share_type_of(session, subscription.resource_id) == ShareType.NONE:
        raise NotShareable
    changes = {"suspended_by": None, "suspend_reason": None, "remedy_by": None}
    return await _carry(session, principal.actor, subscription, Action.RESUME, to, changes, now=now)


async def terminate(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    *,
    reason: str,
    now: datetime,
) -> Subscription:
    """End for good; a provider needs the authority's filing first, else FilingRequired."""
    subscription, side, to = await _begin(
        session, principal, subscription_id, Action.TERMINATE, now
    )
    if side is Side.PROVIDER and subscription.filing is None:
        raise FilingRequired
    changes = {"end_reason": reason, "ended_at": now}
    return await _carry(
        session, principal.actor, subscription, Action.TERMINATE, to, changes, now=now
    )


async def file_termination(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    *,
    reference: str,
    now: datetime,
) -> Subscription:
    """Record the filing (备案) after which the provider may terminate (Art 27)."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    authorize(principal, subscription, FILING_ROLES)
    state = current(State(subscription.status), subscription.valid_until, now)
    if Action.TERMINATE not in actions(state):
        raise IllegalTransition(state=state, allowed=list(actions(state)))
    filed = await moving.move(
        session, subscription, State(subscription.status), {"filing": reference}
    )
    facts = {"reference": reference}
    store.add_history(session, filed.id, FILING, (state, state), principal.actor, now, facts)
    audit.record(
        session, principal.actor, ExchangeEvent.TERMINATION_FILED, "subscription", filed.id, **facts
    )
    return filed


async def expire_due(session: WriteSession, now: datetime) -> int:
    """Write down the subscriptions whose last day is over; safe from several workers at once.

    Returns how many, EXPIRED_AT_ONCE at most: call again while it returns that many.
    """
    lapsed = await store.take_lapsed(session, local_date(now), EXPIRED_AT_ONCE)
    for subscription in lapsed:
        changes = {"ended_at": now, "end_reason": "expired"}
        await _carry(session, SYSTEM, subscription, Action.EXPIRE, State.EXPIRED, changes, now=now)
    return len(lapsed)


async def suspend_restored(session: WriteSession, subscription_id: str, *, now: datetime) -> bool:
    """Suspend what was suspended or terminated in a time that a restore has taken back.

    Returns whether it had to be: an unknown or inactive subscription stays as it is.
    """
    return await _suspend_by_itself(session, subscription_id, RESTORED, now)


async def suspend_guessing(session: WriteSession, subscription_id: str, *, now: datetime) -> bool:
    """Suspend what seems to guess values, until the authority has looked into it.

    Returns whether it had to be: an unknown or inactive subscription stays as it is.
    """
    return await _suspend_by_itself(session, subscription_id, GUESSING, now)


async def _suspend_by_itself(
    session: WriteSession, subscription_id: str, reason: str, now: datetime
) -> bool:
    subscription = await session.get(Subscription, subscription_id, with_for_update=True)
    if subscription is None:
        return False
    if current(State(subscription.status), subscription.valid_until, now) is not State.ACTIVE:
        return False
    changes = {
        "suspended_by": Side.AUTHORITY,
        "suspend_reason": reason,
        "remedy_by": local_date(now),
    }
    await _carry(session, SYSTEM, subscription, Action.SUSPEND, State.SUSPENDED, changes, now=now)
    return True


async def end_merged(
    session: WriteSession, actor: Actor, subscription_id: str, *, reason: str, now: datetime
) -> None:
    """End a live subscription whose consumer and provider have become one department."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    changes = {"end_reason": reason, "ended_at": now}
    if State(subscription.status) in LIVE:
        await _carry(
            session, actor, subscription, Action.TERMINATE, State.TERMINATED, changes, now=now
        )


async def _begin(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    action: Action,
    now: datetime,
) -> tuple[Subscription, Side, State]:
    """Lock, check the permission, then the state as it is at this moment."""
    subscription = await moving.lock(session, Subscription, subscription_id)
    side = authorize(principal, subscription, ALLOWED_ROLES[action])
    state = current(State(subscription.status), subscription.valid_until, now)
    return subscription, side, next_state(state, action)


def _check_remedy_by(remedy_by: date, now: datetime) -> None:
    errors = FieldErrors()
    check_until("remedy_by", remedy_by, local_date(now), errors)
    errors.raise_if_any()


async def _carry(
    session: WriteSession,
    actor: Actor,
    subscription: Subscription,
    action: Action,
    to: State,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Subscription:
    """Write the step with history, audit, message and announcement."""
    came_from = subscription.status
    updated = await moving.move(session, subscription, to, changes)
    if to is State.ACTIVE:
        await stops.end(session, updated.id)
    elif came_from == State.ACTIVE:
        await stops.begin(session, updated.id, now)
    facts = {name: value for name, value in changes.items() if value is not None}
    facts_text = {name: str(value) for name, value in facts.items()}
    store.add_history(session, updated.id, action, (came_from, to), actor, now, facts_text)
    audit.record(session, actor, EVENTS[action], "subscription", updated.id, **facts_text)
    outbox.add(session, EVENTS[action], updated.id, message(updated))
    await announce(session, "subscription", updated.id)
    return updated
