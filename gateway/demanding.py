"""What is asked of demands before an act on them (gateway/acts.py)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from auth.principal import Principal, Role
from exchange.demands import register as demands
from exchange.demands import states
from gateway.standing import Act, Look, Standing, refusal_of
from kernel.database import ReadSession


async def _demand(session: ReadSession, principal: Principal, demand_id: str) -> Standing:
    return Standing((await demands.find(session, principal, demand_id)).revision)


THINGS: Final[Mapping[str, Look]] = MappingProxyType({"/v1/demands/{demand_id}": _demand})


def _of_demand(action: states.Action) -> Act:
    permitted = states.ALLOWED_ROLES[action]

    async def look(session: ReadSession, principal: Principal, demand_id: str) -> Standing:
        demand = await demands.find(session, principal, demand_id)
        demands.authorize(principal, demand, action)
        refusal = refusal_of(lambda: states.next_state(states.State(demand.status), action))
        return Standing(demand.revision, refusal)

    return Act(look, tuple(sorted(frozenset[Role]().union(*permitted.values()))))


def acts() -> Iterator[tuple[str, Act]]:
    for step in states.Action:
        yield f"POST /v1/demands/{{demand_id}}/{step}", _of_demand(step)
