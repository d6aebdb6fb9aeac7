"""What is asked of demands, orders and delegations before an act (gateway/acts.py)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from auth import positions
from auth.delegations import register as delegations
from auth.delegations import states as delegation_states
from auth.principal import Principal, Role
from exchange.demands import register as demands
from exchange.demands import states as demand_states
from exchange.orders import register as orders
from exchange.orders import states as order_states
from gateway.standing import Act, Look, Standing, refusal_of
from kernel import clock
from kernel.database import ReadSession
from kernel.workdays import local_date


async def _demand(session: ReadSession, principal: Principal, demand_id: str) -> Standing:
    return Standing((await demands.find(session, principal, demand_id)).revision)


async def _order(session: ReadSession, principal: Principal, order_id: str) -> Standing:
    return Standing((await orders.find(session, principal, order_id)).revision)


async def _delegation(session: ReadSession, principal: Principal, delegation_id: str) -> Standing:
    return Standing((await delegations.find(session, principal, delegation_id)).revision)


THINGS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "/v1/demands/{demand_id}": _demand,
        "/v1/orders/{order_id}": _order,
        "/v1/delegations/{delegation_id}": _delegation,
    }
)


def _of_demand(action: demand_states.Action) -> Act:
    async def look(session: ReadSession, principal: Principal, demand_id: str) -> Standing:
        demand = await demands.find(session, principal, demand_id)
        demands.authorize(principal, demand, action)
        state = demand_states.State(demand.status)
        refusal = refusal_of(lambda: demand_states.next_state(state, action))
        return Standing(demand.revision, refusal)

    return Act(look, positions.roles_of(demand_states.ALLOWED_ROLES[action]))


def _of_order(action: order_states.Action) -> Act:
    async def look(session: ReadSession, principal: Principal, order_id: str) -> Standing:
        order = await orders.find(session, principal, order_id)
        orders.authorize(principal, order, action)
        state = order_states.State(order.status)
        refusal = refusal_of(lambda: order_states.next_state(state, action))
        return Standing(order.revision, refusal)

    return Act(look, positions.roles_of(order_states.ALLOWED_ROLES[action]))


def _of_delegation(action: delegation_states.Action) -> Act:
    async def look(session: ReadSession, principal: Principal, delegation_id: str) -> Standing:
        row = await delegations.find(session, principal, delegation_id)
        delegations.authorize(principal, row, action)
        state = delegations.state_of(row, local_date(clock.now()))
        refusal = refusal_of(lambda: delegation_states.next_state(state, action))
        return Standing(row.revision, refusal)

    return Act(look, (Role.HEAD,))


def acts() -> Iterator[tuple[str, Act]]:
    for step in demand_states.Action:
        yield f"POST /v1/demands/{{demand_id}}/{step}", _of_demand(step)
    for act in order_states.Action:
        yield f"POST /v1/orders/{{order_id}}/{act}", _of_order(act)
    for answer in delegation_states.Action:
        yield f"POST /v1/delegations/{{delegation_id}}/{answer}", _of_delegation(answer)
