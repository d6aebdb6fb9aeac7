"""The worker's part of mergers and moves: each on its day, in one transaction.

A worker that is killed in the middle has changed nothing; of two workers one has the plan.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from auth import handover as staffing
from auth.events import AuthEvent
from catalog import handover as catalogue
from catalog.handover import Seat
from exchange import store as moving
from exchange.applications import moves
from exchange.applications.states import Action
from exchange.applications.tables import Application
from exchange.events import ExchangeEvent
from exchange.stewardship import quality_sums, store
from exchange.stewardship.effects import Effects
from exchange.stewardship.tables import DepartmentChange
from exchange.subscriptions import supervision
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.changes import announce_all
from kernel.database import WriteSession
from kernel.errors import Conflict, ShuyuanError
from kernel.workdays import local_date

log = logging.getLogger(__name__)

# What the worker takes for "there may be more": each turn is one change.
MORE = 200
# Whoever was admitted to the merged department before has finished by then.
SWEPT_AFTER = timedelta(seconds=60)
SWEPT_AT_ONCE = 20
REASON = "供需双方已合并为同一部门 / provider and consumer were merged into one department"


async def carry_due(session: WriteSession, now: datetime) -> int:
    """Carry out the plan that is due first; return MORE unless there was none."""
    change = await store.take_due(session, local_date(now))
    if change is None:
        return 0
    try:
        # What refuses does so before anything is recorded.
        async with session.begin_nested():
            seat = await _seat(session, change)
            staff = await _carry_staff(session, change, seat)
    except ShuyuanError as refusal:
        await _fail(session, change, refusal, now)
        return MORE
    handover = await catalogue.carry_out(session, SYSTEM, change.department, seat, now=now)
    await quality_sums.again(session, {change.department, seat.department})
    effects = Effects(
        handover,
        await store.subscriptions_of(session, change.department, seat.department),
        await store.applications_of(session, change.department, seat.department),
        staff,
    )
    await _carry_relations(session, change, seat, effects, now)
    await _finish(session, change, seat, effects, now)
    return MORE


async def sweep(session: WriteSession, now: datetime) -> int:
    """Bring after a merger what requests wrote for the old department while it was under way."""
    changes = await store.take_unswept(session, now - SWEPT_AFTER, SWEPT_AT_ONCE)
    for change in changes:
        if change.kind == "merge":
            seat = await _seat(session, change)
            await staffing.bring_rest(session, change.department, seat.department)
            handover = await catalogue.carry_out(session, SYSTEM, change.department, seat, now=now)
            if handover.entries:
                await quality_sums.again(session, {change.department, seat.department})
            await _give(session, change, seat, now)
        await store.write(session, change.id, "done", swept_at=now)
    return len(changes)


async def _seat(session: WriteSession, change: DepartmentChange) -> Seat:
    """Return where the change leads today: a successor may have been merged meanwhile; Conflict."""
    if change.region_code is not None:
        return Seat(change.department, change.region_code)
    await staffing.lock(session, change.department, str(change.successor))
    heir = await staffing.heir(session, str(change.successor))
    if heir is None or heir.uscc == change.department:
        raise Conflict("并入的部门已撤销", "The successor was abolished meanwhile")
    return Seat(heir.uscc, heir.region_code)


async def _carry_staff(
    session: WriteSession, change: DepartmentChange, seat: Seat
) -> staffing.Staff | None:
    if change.region_code is not None:
        await staffing.move(session, SYSTEM, change.department, change.region_code)
        return None
    return await staffing.merge(session, SYSTEM, change.department, seat.department)


async def _carry_relations(
    session: WriteSession, change: DepartmentChange, seat: Seat, effects: Effects, now: datetime
) -> None:
    """End what was between the two, and give the rest."""
    for subscription_id in effects.subscriptions.between:
        await supervision.end_merged(session, SYSTEM, subscription_id, reason=REASON, now=now)
    decided: dict[str, Any] = {"decided_at": now, "decision": {"reason": REASON}}
    for application_id in effects.applications.between:
        application = await moving.lock(session, Application, application_id)
        action = Action.WITHDRAW
        await moves.carry(session, SYSTEM, application, action, decided, now=now, reason=REASON)
    await _give(session, change, seat, now)


async def _give(session: WriteSession, change: DepartmentChange, seat: Seat, now: datetime) -> None:
    after = {"department": seat.department, "region_code": seat.region_code}
    given = await store.give_relations(session, SYSTEM, change.department, after, now)
    await announce_all(session, "subscription", given)
    if change.kind == "merge":
        await store.give_following(session, change.department, seat.department)


async def _finish(
    session: WriteSession, change: DepartmentChange, seat: Seat, effects: Effects, now: datetime
) -> None:
    outcome = effects.told()
    written = {"status": "done", "finished_at": now, "outcome": outcome}
    await store.write(session, change.id, store.PLANNED, **written)
    merged = change.kind == "merge"
    event = AuthEvent.DEPARTMENT_MERGED if merged else AuthEvent.DEPARTMENT_MOVED
    facts = {
        "department": change.department,
        "region_code": seat.region_code,
        "on": str(change.on_day),
        **({"successor": seat.department} if merged else {}),
    }
    outbox.add(session, event, change.department, facts)
    counts = {name: value["count"] for name, value in outcome.items() if isinstance(value, dict)}
    done = ExchangeEvent.DEPARTMENT_CHANGE_DONE
    audit.record(
        session, SYSTEM, done, "department", change.department,
        change=change.id, basis=change.basis, requested_by=change.requested_by, **facts, **counts,
    )  # fmt: skip


async def _fail(
    session: WriteSession, change: DepartmentChange, refusal: ShuyuanError, now: datetime
) -> None:
    """Give the plan up with its reason: the operator reads it and plans anew."""
    log.error("change %s of department %s fails: %s", change.id, change.department, refusal)
    problem = f"{refusal.code}: {refusal.detail.zh} / {refusal.detail.en}"
    written = {"status": "failed", "finished_at": now, "problem": problem}
    await store.write(session, change.id, store.PLANNED, **written)
    event = ExchangeEvent.DEPARTMENT_CHANGE_FAILED
    facts = {"change": change.id, "problem": problem}
    audit.record(session, SYSTEM, event, "department", change.department, **facts)
