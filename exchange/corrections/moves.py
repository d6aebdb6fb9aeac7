"""Steps of a correction: permission, state, write, history, audit, message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from exchange import store as moving
from exchange.applications.deadlines import Limits, is_breached
from exchange.corrections import store
from exchange.corrections.states import (
    ALLOWED_ROLES,
    ANSWERABLE,
    C7,
    Action,
    State,
    next_state,
)
from exchange.corrections.tables import Correction
from exchange.events import ExchangeEvent
from exchange.parties import Side, authorize
from exchange.violations import recording
from kernel import audit, outbox
from kernel.actor import SYSTEM, Actor
from kernel.database import WriteSession
from kernel.errors import NotFound
from kernel.terms import Term
from kernel.workdays import local_date

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.ACCEPT: ExchangeEvent.CORRECTION_ACCEPTED,
    Action.REJECT: ExchangeEvent.CORRECTION_REJECTED,
    Action.FIX: ExchangeEvent.CORRECTION_FIXED,
    Action.CONFIRM: ExchangeEvent.CORRECTION_CONFIRMED,
    Action.REOPEN: ExchangeEvent.CORRECTION_REOPENED,
    Action.WITHDRAW: ExchangeEvent.CORRECTION_WITHDRAWN,
}


def require_may(principal: Principal, row: Correction, action: Action) -> None:
    """Raise NotFound to outsiders, and the 403 errors of those who may do something else."""
    permitted = ALLOWED_ROLES[action]
    if principal.kind == "client":
        if row.client_id != principal.id or Side.CONSUMER not in permitted:
            raise NotFound
        return
    authorize(principal, row, permitted)


async def begin(
    session: WriteSession, principal: Principal, correction_id: str, action: Action
) -> Correction:
    """Lock the correction; raises NotFound, 403 errors or IllegalTransition, in this order."""
    row = await moving.lock(session, Correction, correction_id)
    require_may(principal, row, action)
    target(row, action)
    return row


def target(row: Correction, action: Action) -> State:
    """Return the state that the action leads to; raises IllegalTransition."""
    return next_state(State(row.status), action, reopened=row.reopened_at is not None)


async def carry(
    session: WriteSession,
    actor: Actor,
    row: Correction,
    action: Action,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - facts of any JSON kind
) -> Correction:
    """Write the step, what happened, and the message that tells the parties of it."""
    step = (row.status, target(row, action))
    breached = await record_breach(session, row, now)
    updated = await moving.move(session, row, step[1], breached | dict(changes))
    store.add_history(session, updated.id, action, step, actor, now, facts)
    audit.record(session, actor, EVENTS[action], "correction", updated.id, **facts)
    outbox.add(session, EVENTS[action], updated.id, message(updated))
    return updated


async def record_breach(session: WriteSession, row: Correction, now: datetime) -> dict[str, Any]:
    """Record a newly missed C7 and tell the authority; return the columns that say so (P7)."""
    runs = row.status in ANSWERABLE and row.breached_at is None
    if not runs or not is_breached(row.due_at, now):
        return {}
    step, facts = (row.status, row.status), {"clock": C7, "due_at": str(row.due_at)}
    store.add_history(session, row.id, "breach", step, SYSTEM, now, facts)
    event = ExchangeEvent.DEADLINE_BREACHED
    audit.record(session, SYSTEM, event, "correction", row.id, **facts)
    outbox.add(session, event, row.id, message(row) | facts)
    await recording.missed(
        session,
        C7,
        department=row.provider_department,
        region_code=row.region_code,
        thing="correction",
        thing_id=row.id,
        occasion=str(row.breaches + 1),
        due_at=row.due_at,
        now=now,
    )
    return {"breached_at": now, "breaches": row.breaches + 1}


async def answer(
    session: WriteSession,
    principal: Principal,
    correction_id: str,
    action: Action,
    *,
    reason: str | None = None,
    now: datetime,
) -> Correction:
    """Accept or reject it, as the provider's head."""
    row = await begin(session, principal, correction_id, action)
    changes = {"answered_by": principal.id, "answered_at": now, "answer_reason": reason}
    closed = {"closed_at": now} if action is Action.REJECT else {}
    return await carry(
        session, principal.actor, row, action, changes | closed, now=now, reason=reason
    )


async def end(
    session: WriteSession,
    principal: Principal,
    correction_id: str,
    action: Action,
    *,
    reason: str | None = None,
    now: datetime,
) -> Correction:
    """Confirm the fix, or withdraw the correction, as the consumer."""
    row = await begin(session, principal, correction_id, action)
    return await carry(
        session, principal.actor, row, action, {"closed_at": now}, now=now, reason=reason
    )


async def reopen(
    session: WriteSession,
    principal: Principal,
    correction_id: str,
    *,
    reason: str | None = None,
    limits: Limits,
    now: datetime,
) -> Correction:
    """Say that the fix is none, once: another C7 begins, and another fix lies behind this one."""
    row = await begin(session, principal, correction_id, Action.REOPEN)
    term = Term(local_date(now), limits.correction)
    again = {"reopened_at": now, "breached_at": None, "settle_at": None}
    behind = {"partition": row.fix_partition, "after_place": row.fix_place}
    changes = term.columns() | again | behind
    return await carry(
        session, principal.actor, row, Action.REOPEN, changes, now=now, reason=reason
    )


def message(row: Correction) -> dict[str, Any]:
    """Return the facts that listeners learn of a correction: neither key nor values."""
    names = {"id", "subscription_id", "resource_id", "problem", "status", "due_at", "revision"}
    parties = {"consumer_department", "provider_department", "region_code", "receipt_id"}
    return row.model_dump(mode="json", include=names | parties)
