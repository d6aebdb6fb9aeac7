"""The day until which a decision may be appealed against, reckoned anew by another calendar."""

from datetime import datetime

from exchange.disputes import store
from exchange.disputes.moves import message
from exchange.disputes.states import State, appealable_until
from exchange.disputes.tables import Dispute
from exchange.events import ExchangeEvent
from exchange.store import move
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.database import WriteSession
from kernel.workdays import notice_until

AT_ONCE = 200
RECKONED = "reckoned-anew"
EVENT = ExchangeEvent.DEADLINE_RECKONED_ANEW


async def reckon_open(session: WriteSession, now: datetime) -> int:
    """Reckon the last day of every appeal that is still possible; return how many have moved."""
    moved, after = 0, ""
    while disputes := await store.take_appealable(session, after, now, AT_ONCE):
        after = disputes[-1].id
        for dispute in disputes:
            moved += await _reckon(session, dispute, now)
    return moved


async def _reckon(session: WriteSession, dispute: Dispute, now: datetime) -> bool:
    before = dispute.appeal_until
    until = before if dispute.decided_at is None else appealable_until(dispute.decided_at)
    if until == before:
        return False
    updated = await move(session, dispute, State.DECIDED, {"appeal_until": until})
    facts = {
        "clock": "appeal",
        "before": str(before),
        "due_at": str(until),
        "calendar": notice_until(),
    }
    step = (State.DECIDED, State.DECIDED)
    store.add_history(session, updated.id, RECKONED, step, SYSTEM, now, facts)
    audit.record(session, SYSTEM, EVENT, "dispute", updated.id, **facts)
    outbox.add(session, EVENT, updated.id, message(updated) | facts)
    return True
