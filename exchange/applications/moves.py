"""The frame of every step of an application: permission, state, write, history, audit, message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from exchange import store as moving
from exchange.applications import store
from exchange.applications.deadlines import is_breached
from exchange.applications.states import ALLOWED_ROLES, AWAITING_REPLY, Action, State, next_state
from exchange.applications.tables import Application
from exchange.events import ExchangeEvent
from exchange.parties import authorize
from exchange.violations import recording as violations
from kernel import audit, outbox
from kernel.actor import SYSTEM, Actor
from kernel.database import WriteSession

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.SIGN: ExchangeEvent.APPLICATION_SIGNED,
    Action.REQUEST_SUPPLEMENT: ExchangeEvent.SUPPLEMENT_REQUESTED,
    Action.SUPPLEMENT: ExchangeEvent.APPLICATION_SUPPLEMENTED,
    Action.EXTEND: ExchangeEvent.EXTENSION_REQUESTED,
    Action.CONSENT_EXTENSION: ExchangeEvent.EXTENSION_CONSENTED,
    Action.DENY_EXTENSION: ExchangeEvent.EXTENSION_DENIED,
    Action.AGREE: ExchangeEvent.APPLICATION_AGREED,
    Action.REFUSE: ExchangeEvent.APPLICATION_REFUSED,
    Action.REROUTE: ExchangeEvent.APPLICATION_REROUTED,
    Action.WITHDRAW: ExchangeEvent.APPLICATION_WITHDRAWN,
}


async def begin(
    session: WriteSession, principal: Principal, application_id: str, action: Action
) -> Application:
    """Lock the application; raises NotFound, Forbidden or IllegalTransition, in this order."""
    application = await moving.lock(session, Application, application_id)
    authorize(principal, application, ALLOWED_ROLES[action])
    target(application, action)
    return application


def target(application: Application, action: Action) -> State:
    """Return the state that the action leads to; raises IllegalTransition."""
    state = State(application.status)
    return next_state(state, action, supplement_used=application.supplement_used)


async def carry(
    session: WriteSession,
    actor: Actor,
    application: Application,
    action: Action,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - facts of any JSON kind
) -> Application:
    """Write the step, what happened, and the message that tells the parties of it."""
    step = (application.status, target(application, action))
    if is_newly_late(application, now):
        await record_breach(session, application, now)
        changes = {**changes, "breached_at": now}
    updated = await moving.move(session, application, step[1], changes)
    store.add_history(session, updated.id, action, step, actor, now, facts)
    audit.record(session, actor, EVENTS[action], "application", updated.id, **facts)
    outbox.add(session, EVENTS[action], updated.id, message(updated))
    return updated


def is_newly_late(application: Application, now: datetime) -> bool:
    """Whether a reply is overdue and nobody has written it down yet."""
    awaited = application.status in AWAITING_REPLY and application.breached_at is None
    due_at = application.due_at
    return awaited and due_at is not None and is_breached(due_at, now)


async def record_breach(session: WriteSession, application: Application, now: datetime) -> None:
    """Record the missed deadline and tell the authority; lateness is no consent (P7)."""
    assert application.clock is not None  # noqa: S101 - what is late has a clock
    assert application.due_at is not None  # noqa: S101
    await violations.missed(
        session,
        application.clock,
        department=application.provider_department,
        region_code=application.region_code,
        thing="application",
        thing_id=application.id,
        due_at=application.due_at,
        now=now,
    )
    step = (application.status, application.status)
    facts = {"clock": application.clock, "due_at": str(application.due_at)}
    store.add_history(session, application.id, "breach", step, SYSTEM, now, facts)
    event = ExchangeEvent.DEADLINE_BREACHED
    audit.record(session, SYSTEM, event, "application", application.id, **facts)
    outbox.add(session, event, application.id, message(application) | facts)


def message(application: Application) -> dict[str, Any]:
    """Return the facts that listeners learn of an application."""
    names = {"id", "status", "resource_id", "due_at", "subscription_id", "revision"}
    names |= {"submitted_at"}
    parties = {"consumer_department", "provider_department", "region_code"}
    return application.model_dump(mode="json", include=names | parties)
