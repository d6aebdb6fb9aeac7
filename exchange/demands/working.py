"""Merging, assigning, answering, meeting and closing demands (Order 809 Art 20)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from auth import directory as departments
from auth.principal import Principal
from auth.regions.tree import covers
from catalog import directory as catalogue
from exchange import store as moving
from exchange.demands import store
from exchange.demands.moves import begin, carry, require
from exchange.demands.states import OPEN, Action, State
from exchange.demands.tables import Demand
from exchange.parties import stands_over
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, NotFound
from kernel.locks import Lock, hold
from kernel.workdays import local_date

# How many may be merged into one: all of them end in one transaction.
FOLLOWERS_MAX: Final = 200
PLANNED_MAX: Final = timedelta(days=5 * 366)


async def merge(
    session: WriteSession, principal: Principal, demand_id: str, *, into: str, now: datetime
) -> Demand:
    """Let a demand follow another; what was merged into it follows that one, too.

    Raises Conflict for a circle, and where the other one has ended or was merged itself.
    """
    await hold(session, Lock.DEMANDS)
    demands = await store.lock_both(session, [demand_id, into])
    demand = demands.get(demand_id)
    if demand is None:
        raise NotFound
    require(principal, demand, Action.MERGE)
    _require_open(principal, demand, demands.get(into))
    followers = await store.lock_followers(session, demand_id, FOLLOWERS_MAX)
    await _require_room(session, into, len(followers) + 1)
    for follower in followers:
        await _redirect(session, principal, follower, into, now)
    merged = {"merged_into": into, "assigned_department": None, "planned_on": None}
    return await carry(session, principal.actor, demand, Action.MERGE, merged, now=now, into=into)


async def _redirect(
    session: WriteSession, principal: Principal, follower: Demand, into: str, now: datetime
) -> None:
    updated = await moving.move(session, follower, State.MERGED, {"merged_into": into})
    step = (State.MERGED, State.MERGED)
    store.add_history(session, updated.id, Action.MERGE, step, principal.actor, now, {"into": into})


def _require_open(principal: Principal, demand: Demand, into: Demand | None) -> None:
    """What leads back to the demand itself was merged: nothing goes into what was merged."""
    if into is None or not _oversees(principal, into):
        errors = FieldErrors()
        errors.add("into", "not_found", "没有这项需求", "is no demand")
        errors.raise_if_any()
    assert into is not None  # noqa: S101 - raised above
    if demand.id in (into.id, into.merged_into):
        raise Conflict(
            "需求不能并入自身，也不能并入已并入本需求的需求",
            "A demand cannot go into itself, nor into one that went into it",
        )
    if State(into.status) not in OPEN:
        raise Conflict(
            "目标需求已并入其他需求或已了结",
            "The other demand was merged itself, or has ended",
            merged_into=into.merged_into,
            state=into.status,
        )


def _oversees(principal: Principal, demand: Demand) -> bool:
    over = covers(principal.region_code, demand.region_code)
    return over and demand.submitted_at is not None


async def _require_room(session: WriteSession, into: str, more: int) -> None:
    there = await store.lock_followers(session, into, FOLLOWERS_MAX)
    if len(there) + more > FOLLOWERS_MAX:
        raise Conflict(
            f"并入同一需求的需求最多 {FOLLOWERS_MAX} 项",
            f"At most {FOLLOWERS_MAX} demands may be merged into one",
        )


async def assign(
    session: WriteSession, principal: Principal, demand_id: str, *, department: str, now: datetime
) -> Demand:
    """Say which department of the authority's division is to supply; raises Invalid."""
    demand = await begin(session, principal, demand_id, Action.ASSIGN)
    await _check_department(session, principal, department)
    changes = {
        "assigned_department": department,
        "assigned_at": now,
        "declined_reason": None,
    }
    return await carry(
        session, principal.actor, demand, Action.ASSIGN, changes, now=now, department=department
    )


async def _check_department(session: ReadSession, principal: Principal, uscc: str) -> None:
    regions = await departments.active_regions(session, {uscc})
    errors = FieldErrors()
    if uscc not in regions or not stands_over(principal.region_code, regions[uscc]):
        errors.add(
            "department",
            "not_found",
            "不是本主管部门所辖的在用部门",
            "is no active department of the authority's division",
        )
    errors.raise_if_any()


async def accept(
    session: WriteSession, principal: Principal, demand_id: str, *, planned_on: date, now: datetime
) -> Demand:
    """Promise to supply by a day, as the head of the assigned department."""
    demand = await begin(session, principal, demand_id, Action.ACCEPT)
    today, errors = local_date(now), FieldErrors()
    if not today <= planned_on <= today + PLANNED_MAX:
        errors.add(
            "planned_on",
            "out_of_range",
            "应在今日起五年内",
            "is not within the next five years",
        )
    errors.raise_if_any()
    facts = {"planned_on": str(planned_on)}
    changes = {"planned_on": planned_on}
    return await carry(session, principal.actor, demand, Action.ACCEPT, changes, now=now, **facts)


async def decline(
    session: WriteSession, principal: Principal, demand_id: str, *, reason: str, now: datetime
) -> Demand:
    """Give it back to the authority, with the reason."""
    demand = await begin(session, principal, demand_id, Action.DECLINE)
    changes = {"assigned_department": None, "planned_on": None, "declined_reason": reason}
    facts = {"reason": reason}
    return await carry(session, principal.actor, demand, Action.DECLINE, changes, now=now, **facts)


async def meet(
    session: WriteSession, principal: Principal, demand_id: str, *, resource_id: str, now: datetime
) -> Demand:
    """Name the published resource of the assigned department that meets it; raises Invalid."""
    await hold(session, Lock.DEMANDS)
    demand = await begin(session, principal, demand_id, Action.MEET)
    errors = FieldErrors()
    if not await catalogue.is_published(session, resource_id, principal.department):
        errors.add(
            "resource_id",
            "not_found",
            "不是本部门已发布的资源",
            "is no published resource of your department",
        )
    errors.raise_if_any()
    changes = {"resource_id": resource_id, "ended_at": now}
    facts = {"resource_id": resource_id}
    return await _end(session, principal, demand, Action.MEET, changes, facts, now)


async def close(
    session: WriteSession,
    principal: Principal,
    demand_id: str,
    *,
    reason: str | None,
    now: datetime,
) -> Demand:
    """End a demand that nobody needs or can meet, as the demander or the authority."""
    await hold(session, Lock.DEMANDS)
    demand = await begin(session, principal, demand_id, Action.CLOSE)
    facts = {} if reason is None else {"reason": reason}
    return await _end(session, principal, demand, Action.CLOSE, {"ended_at": now}, facts, now)


async def _end(
    session: WriteSession,
    principal: Principal,
    demand: Demand,
    action: Action,
    changes: Mapping[str, Any],
    facts: Mapping[str, Any],
    now: datetime,
) -> Demand:
    """End a demand and all that follow it; they are its department's then."""
    changes = {**changes, "assigned_department": demand.assigned_department}
    for follower in await store.lock_followers(session, demand.id, FOLLOWERS_MAX):
        told = {**facts, "followed": demand.id}
        await carry(session, principal.actor, follower, action, changes, now=now, **told)
    return await carry(session, principal.actor, demand, action, changes, now=now, **facts)
