"""The frame of every step of a dispute: permission, state, write, history, audit, message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from auth import positions
from auth.principal import Principal
from exchange import store as moving
from exchange.disputes import store
from exchange.disputes.register import parties, require_visible, status_at
from exchange.disputes.states import ALLOWED_ROLES, Action, State, next_state
from exchange.disputes.tables import Dispute
from exchange.events import ExchangeEvent
from kernel import audit, outbox
from kernel.actor import Actor
from kernel.database import WriteSession

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.REPLY: ExchangeEvent.DISPUTE_REPLIED,
    Action.SETTLE: ExchangeEvent.DISPUTE_SETTLED,
    Action.ESCALATE: ExchangeEvent.DISPUTE_ESCALATED,
    Action.DECIDE: ExchangeEvent.DISPUTE_DECIDED,
    Action.APPEAL: ExchangeEvent.DISPUTE_APPEALED,
    Action.CONCLUDE: ExchangeEvent.DISPUTE_CONCLUDED,
    Action.CLOSE: ExchangeEvent.DISPUTE_CLOSED,
}


async def begin(
    session: WriteSession, principal: Principal, dispute_id: str, action: Action, now: datetime
) -> Dispute:
    """Lock the dispute; raises NotFound, 403 errors, IllegalTransition, in this order."""
    dispute = await moving.lock(session, Dispute, dispute_id)
    authorize(principal, dispute, action)
    next_state(status_at(dispute, now), action)
    return dispute


def authorize(principal: Principal, dispute: Dispute, action: Action) -> None:
    """Raise NotFound for outsiders, RoleRequired or NotYourDepartment for the others."""
    require_visible(principal, dispute)
    positions.require(principal, parties(principal, dispute), ALLOWED_ROLES[action])


async def carry(
    session: WriteSession,
    actor: Actor,
    dispute: Dispute,
    action: Action,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - facts of any JSON kind
) -> Dispute:
    """Write the step with history, audit and the message that tells the parties."""
    to = next_state(State(dispute.status), action)
    return await write(session, actor, dispute, (action, EVENTS[action], to), changes, now, facts)


async def write(
    session: WriteSession,
    actor: Actor,
    dispute: Dispute,
    step: tuple[str, ExchangeEvent, State],
    changes: Mapping[str, Any],
    now: datetime,
    facts: Mapping[str, Any],
) -> Dispute:
    """Write what happened: the action's name, its event, the state that it leads to."""
    action, event, to = step
    came_from = dispute.status
    updated = await moving.move(session, dispute, to, changes)
    store.add_history(session, updated.id, action, (came_from, to), actor, now, facts)
    audit.record(session, actor, event, "dispute", updated.id, **facts)
    outbox.add(session, event, updated.id, message(updated))
    return updated


def message(dispute: Dispute) -> dict[str, Any]:
    """Return the facts that listeners learn of a dispute."""
    names = {"id", "kind", "about_id", "about", "status", "decision", "revision"}
    both = {"claimant_department", "respondent_department"}
    return dispute.model_dump(mode="json", include=names | both)
