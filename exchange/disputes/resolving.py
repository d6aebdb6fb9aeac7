"""Opening, answering and deciding disputes (Order 809 Art 28)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from auth import directory
from auth.errors import NotYourDepartment
from auth.principal import Principal
from exchange import store as moving
from exchange.disputes import store
from exchange.disputes.levels import deciders
from exchange.disputes.register import may, require_visible
from exchange.disputes.states import (
    ALLOWED_ROLES,
    UNDECIDED,
    Action,
    Decision,
    Kind,
    State,
    next_state,
)
from exchange.disputes.tables import Dispute
from exchange.events import ExchangeEvent
from kernel import audit, outbox
from kernel.actor import Actor
from kernel.database import WriteSession
from kernel.ids import new_id

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.REPLY: ExchangeEvent.DISPUTE_REPLIED,
    Action.DECIDE: ExchangeEvent.DISPUTE_DECIDED,
    Action.CLOSE: ExchangeEvent.DISPUTE_CLOSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one department holds against another; `about` are facts of the thing, by kind."""

    kind: Kind
    about_id: str
    about: Mapping[str, Any]
    claimant: str
    respondent: str
    text: str


async def open_dispute(
    session: WriteSession, principal: Principal, claim: Claim, *, now: datetime
) -> Dispute:
    """Open a dispute in the transaction of what it is about."""
    regions = await directory.regions(session, {claim.claimant, claim.respondent})
    dispute = Dispute(
        id=new_id(),
        kind=claim.kind,
        about_id=claim.about_id,
        about=dict(claim.about),
        status=State.OPEN,
        claimant_department=claim.claimant,
        respondent_department=claim.respondent,
        claimant_region=regions[claim.claimant],
        respondent_region=regions[claim.respondent],
        claim=claim.text,
        opened_by=principal.id,
        opened_at=now,
    )
    session.add(dispute)
    await session.flush()
    facts = {"kind": str(claim.kind), "claim": claim.text, **claim.about}
    store.add_history(session, dispute.id, "open", (None, State.OPEN), principal.actor, now, facts)
    event = ExchangeEvent.DISPUTE_OPENED
    audit.record(session, principal.actor, event, "dispute", dispute.id, **facts)
    outbox.add(session, event, dispute.id, message(dispute))
    return dispute


async def reply(
    session: WriteSession, principal: Principal, dispute_id: str, *, text: str, now: datetime
) -> Dispute:
    """Answer the claim, for the department that it is held against."""
    dispute = await _begin(session, principal, dispute_id, Action.REPLY)
    changes = {"reply": text, "replied_by": principal.id, "replied_at": now}
    return await _carry(
        session, principal.actor, dispute, Action.REPLY, changes, now=now, reply=text
    )


async def decide(
    session: WriteSession,
    principal: Principal,
    dispute_id: str,
    *,
    decision: Decision,
    reason: str,
    now: datetime,
) -> Dispute:
    """Say who is right, as the lowest authority above both; NotYourDepartment for a higher one."""
    dispute = await _begin(session, principal, dispute_id, Action.DECIDE)
    regions = (dispute.claimant_region, dispute.respondent_region)
    both = (dispute.claimant_department, dispute.respondent_department)
    lowest = deciders(await directory.authorities(session), regions, both)
    if principal.department not in lowest:
        raise NotYourDepartment
    changes = {
        "decision": decision,
        "decision_reason": reason,
        "decided_by": principal.id,
        "decided_department": principal.department,
        "decided_at": now,
    }
    return await _carry(
        session,
        principal.actor,
        dispute,
        Action.DECIDE,
        changes,
        now=now,
        decision=str(decision),
        reason=reason,
    )


async def close_accepted(
    session: WriteSession, principal: Principal, dispute_id: str, *, now: datetime
) -> None:
    """Close an undecided dispute whose claimant has accepted what it objected to."""
    dispute = await moving.lock(session, Dispute, dispute_id)
    if State(dispute.status) not in UNDECIDED:
        return
    changes = {"closed_at": now}
    await _carry(session, principal.actor, dispute, Action.CLOSE, changes, now=now)


async def _begin(
    session: WriteSession, principal: Principal, dispute_id: str, action: Action
) -> Dispute:
    """Lock the dispute; raises NotFound, 403 errors, IllegalTransition, in this order."""
    dispute = await moving.lock(session, Dispute, dispute_id)
    authorize(principal, dispute, action)
    next_state(State(dispute.status), action)
    return dispute


def authorize(principal: Principal, dispute: Dispute, action: Action) -> None:
    """Raise NotFound for outsiders, RoleRequired or NotYourDepartment for the others."""
    permitted = ALLOWED_ROLES[action]
    require_visible(principal, dispute)
    principal.require_role(*sorted(frozenset().union(*permitted.values())))
    if not may(principal, dispute, permitted):
        raise NotYourDepartment


async def _carry(
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
    step = (dispute.status, next_state(State(dispute.status), action))
    updated = await moving.move(session, dispute, step[1], changes)
    store.add_history(session, updated.id, action, step, actor, now, facts)
    audit.record(session, actor, EVENTS[action], "dispute", updated.id, **facts)
    outbox.add(session, EVENTS[action], updated.id, message(updated))
    return updated


def message(dispute: Dispute) -> dict[str, Any]:
    """Return the facts that listeners learn of a dispute."""
    names = {"id", "kind", "about_id", "about", "status", "decision", "revision"}
    both = {"claimant_department", "respondent_department"}
    return dispute.model_dump(mode="json", include=names | both)
