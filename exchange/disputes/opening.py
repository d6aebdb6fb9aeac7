"""Opening a dispute, in the transaction of what it is about (Order 809 Art 28)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth import directory
from auth.principal import Principal
from exchange.disputes import store
from exchange.disputes.moves import message
from exchange.disputes.states import Kind, State
from exchange.disputes.tables import Dispute
from exchange.events import ExchangeEvent
from kernel import audit, outbox
from kernel.database import WriteSession
from kernel.errors import Conflict
from kernel.ids import new_id


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
    """Open a dispute; Conflict with oneself, and for a second one about the same thing."""
    if claim.claimant == claim.respondent:
        raise Conflict("提出方和被提出方是同一部门", "A department has no dispute with itself")
    dispute = await _new(session, principal, claim, now)
    if not await store.add(session, dispute):
        raise Conflict(
            "本部门就此提出的争议尚未了结", "Your department has an open dispute about this already"
        )
    facts = {"kind": str(claim.kind), "claim": claim.text, **claim.about}
    store.add_history(session, dispute.id, "open", (None, State.OPEN), principal.actor, now, facts)
    event = ExchangeEvent.DISPUTE_OPENED
    audit.record(session, principal.actor, event, "dispute", dispute.id, **facts)
    outbox.add(session, event, dispute.id, message(dispute))
    return dispute


async def _new(session: WriteSession, principal: Principal, claim: Claim, now: datetime) -> Dispute:
    regions = await directory.regions(session, {claim.claimant, claim.respondent})
    return Dispute(
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
