"""Answering, settling and deciding disputes (Order 809 Art 28)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from auth import directory
from auth.errors import NotYourDepartment
from auth.principal import Principal
from exchange import store as moving
from exchange.disputes import register
from exchange.disputes.levels import deciders
from exchange.disputes.moves import begin, carry, write
from exchange.disputes.states import (
    UNDECIDED,
    Action,
    Decision,
    State,
    appealable_until,
)
from exchange.disputes.tables import Dispute
from exchange.events import ExchangeEvent
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors

PROPOSE = "propose-settlement"


async def reply(
    session: WriteSession, principal: Principal, dispute_id: str, *, text: str, now: datetime
) -> Dispute:
    """Answer the claim, for the department that it is held against."""
    dispute = await begin(session, principal, dispute_id, Action.REPLY, now)
    changes = {"reply": text, "replied_by": principal.id, "replied_at": now}
    return await carry(
        session, principal.actor, dispute, Action.REPLY, changes, now=now, reply=text
    )


async def settle(
    session: WriteSession,
    principal: Principal,
    dispute_id: str,
    *,
    text: str | None,
    now: datetime,
) -> Dispute:
    """Propose a settlement, or agree to the one that the other side has proposed.

    Without a text, or with the same one, the proposal of the other side is agreed to; another
    text is a proposal of one's own. Raises Invalid where there is nothing to agree to.
    """
    dispute = await begin(session, principal, dispute_id, Action.SETTLE, now)
    theirs = dispute.settlement_by not in (None, principal.department)
    if theirs and text in (None, dispute.settlement):
        changes = {"closed_at": now}
        facts = {"settlement": dispute.settlement}
        return await carry(
            session, principal.actor, dispute, Action.SETTLE, changes, now=now, **facts
        )
    return await _propose(session, principal, dispute, text, now)


async def _propose(
    session: WriteSession,
    principal: Principal,
    dispute: Dispute,
    text: str | None,
    now: datetime,
) -> Dispute:
    if text is None:
        errors = FieldErrors()
        errors.add("text", "missing", "请写明和解内容", "say what you propose")
        errors.raise_if_any()
    changes = {"settlement": text, "settlement_by": principal.department}
    step = (PROPOSE, ExchangeEvent.DISPUTE_SETTLEMENT_PROPOSED, State(dispute.status))
    facts = {"settlement": text}
    return await write(session, principal.actor, dispute, step, changes, now, facts)


async def escalate(
    session: WriteSession,
    principal: Principal,
    dispute_id: str,
    *,
    reason: str | None,
    now: datetime,
) -> Dispute:
    """Call the authority above both, for either department."""
    dispute = await begin(session, principal, dispute_id, Action.ESCALATE, now)
    facts = {} if reason is None else {"reason": reason}
    changes = {"escalated_at": now}
    return await carry(
        session, principal.actor, dispute, Action.ESCALATE, changes, now=now, **facts
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
    dispute = await begin(session, principal, dispute_id, Action.DECIDE, now)
    await _require_lowest(session, principal, dispute)
    changes = {
        "decision": decision,
        "decision_reason": reason,
        "decided_by": principal.id,
        "decided_department": principal.department,
        "decided_at": now,
        "appeal_until": appealable_until(now),
    }
    facts = {"decision": str(decision), "reason": reason}
    return await carry(session, principal.actor, dispute, Action.DECIDE, changes, now=now, **facts)


async def _require_lowest(session: ReadSession, principal: Principal, dispute: Dispute) -> None:
    if not _is_lowest(principal, dispute, await directory.authorities(session)):
        raise NotYourDepartment


def _is_lowest(principal: Principal, dispute: Dispute, authorities: Mapping[str, str]) -> bool:
    regions = (dispute.claimant_region, dispute.respondent_region)
    both = (dispute.claimant_department, dispute.respondent_department)
    return principal.department in deciders(authorities, regions, both)


async def offered(
    session: ReadSession, principal: Principal, rows: Sequence[Dispute], *, now: datetime
) -> list[list[Action]]:
    """Return what the caller may do now with each, without what is another authority's to do."""
    held = [register.allowed(principal, row, now) for row in rows]
    asked = any(Action.DECIDE in each for each in held)
    authorities = await directory.authorities(session) if asked else {}
    return [
        [each for each in actions if _is_callers(principal, row, each, authorities)]
        for row, actions in zip(rows, held, strict=True)
    ]


def _is_callers(
    principal: Principal, dispute: Dispute, action: Action, authorities: Mapping[str, str]
) -> bool:
    if action is Action.DECIDE:
        return _is_lowest(principal, dispute, authorities)
    return action is not Action.CONCLUDE or principal.department == dispute.decided_department


async def appeal(
    session: WriteSession, principal: Principal, dispute_id: str, *, reason: str, now: datetime
) -> Dispute:
    """Ask the people's government for its decision, within ten working days (Art 28)."""
    dispute = await begin(session, principal, dispute_id, Action.APPEAL, now)
    changes = {"appealed_by": principal.id, "appealed_at": now, "appeal_reason": reason}
    return await carry(
        session, principal.actor, dispute, Action.APPEAL, changes, now=now, reason=reason
    )


async def conclude(
    session: WriteSession,
    principal: Principal,
    dispute_id: str,
    *,
    decision: Decision,
    document: str,
    now: datetime,
) -> Dispute:
    """Record the government's decision, as the authority that was appealed against."""
    dispute = await begin(session, principal, dispute_id, Action.CONCLUDE, now)
    if principal.department != dispute.decided_department:
        raise NotYourDepartment
    changes = {"final_decision": decision, "document": document, "closed_at": now}
    facts = {"decision": str(decision), "document": document}
    return await carry(
        session, principal.actor, dispute, Action.CONCLUDE, changes, now=now, **facts
    )


async def close_accepted(
    session: WriteSession, principal: Principal, dispute_id: str, *, now: datetime
) -> None:
    """Close an undecided dispute whose claimant has accepted what it objected to."""
    dispute = await moving.lock(session, Dispute, dispute_id)
    if State(dispute.status) in UNDECIDED:
        changes = {"closed_at": now}
        await carry(session, principal.actor, dispute, Action.CLOSE, changes, now=now)
