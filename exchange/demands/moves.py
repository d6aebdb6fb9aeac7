"""The frame of every step of a demand: permission, state, write, history, audit, message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from exchange import store as moving
from exchange.demands import store
from exchange.demands.register import authorize
from exchange.demands.states import NEXT, Action, State, next_state
from exchange.demands.tables import Demand
from exchange.events import ExchangeEvent
from kernel import audit, outbox
from kernel.actor import Actor
from kernel.database import WriteSession

EVENTS: Final[Mapping[Action, ExchangeEvent]] = {
    Action.SUBMIT: ExchangeEvent.DEMAND_SUBMITTED,
    Action.MERGE: ExchangeEvent.DEMAND_MERGED,
    Action.ASSIGN: ExchangeEvent.DEMAND_ASSIGNED,
    Action.ACCEPT: ExchangeEvent.DEMAND_ACCEPTED,
    Action.DECLINE: ExchangeEvent.DEMAND_DECLINED,
    Action.MEET: ExchangeEvent.DEMAND_MET,
    Action.CLOSE: ExchangeEvent.DEMAND_CLOSED,
}


async def begin(
    session: WriteSession, principal: Principal, demand_id: str, action: Action
) -> Demand:
    """Lock the demand; raises NotFound, 403 errors, IllegalTransition, in this order."""
    demand = await moving.lock(session, Demand, demand_id)
    require(principal, demand, action)
    return demand


def require(principal: Principal, demand: Demand, action: Action) -> None:
    """Raise what `begin` raises, for a demand that is locked already."""
    authorize(principal, demand, action)
    next_state(State(demand.status), action)


async def carry(
    session: WriteSession,
    actor: Actor,
    demand: Demand,
    action: Action,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - facts of any JSON kind
) -> Demand:
    """Write the step with history, audit and the message that tells the parties.

    Whose it was until then is told as well: a department that declined, or lost it to another.
    """
    step = (demand.status, NEXT[State(demand.status), action])
    former = demand.assigned_department
    updated = await moving.move(session, demand, step[1], changes)
    store.add_history(session, updated.id, action, step, actor, now, facts)
    audit.record(session, actor, EVENTS[action], "demand", updated.id, **facts)
    told = message(updated)
    if former != updated.assigned_department:
        told["former_department"] = former
    outbox.add(session, EVENTS[action], updated.id, told)
    return updated


def message(demand: Demand) -> dict[str, Any]:
    """Return the facts that listeners learn of a demand."""
    names = {"id", "status", "title", "department", "region_code", "assigned_department"}
    names |= {"planned_on", "merged_into", "resource_id", "revision"}
    return demand.model_dump(mode="json", include=names)
