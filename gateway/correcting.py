"""What is asked of corrections before an act on them (gateway/acts.py)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from auth import positions
from auth.principal import Principal
from exchange.corrections import moves, register
from exchange.corrections.states import ALLOWED_ROLES, Action
from exchange.parties import Side
from gateway.standing import Act, Look, Standing, refusal_of
from kernel.database import ReadSession


async def _correction(session: ReadSession, principal: Principal, correction_id: str) -> Standing:
    return Standing((await register.find(session, principal, correction_id)).revision)


THINGS: Final[Mapping[str, Look]] = MappingProxyType(
    {"/v1/corrections/{correction_id}": _correction}
)


def _of_correction(action: Action) -> Act:
    permitted = ALLOWED_ROLES[action]

    async def look(session: ReadSession, principal: Principal, correction_id: str) -> Standing:
        row = await register.find(session, principal, correction_id)
        moves.require_may(principal, row, action)
        return Standing(row.revision, refusal_of(lambda: moves.target(row, action)))

    # The subscription's own client has no role.
    by_client = Side.CONSUMER in permitted
    return Act(look, () if by_client else positions.roles_of(permitted))


def acts() -> Iterator[tuple[str, Act]]:
    for action in Action:
        yield f"POST /v1/corrections/{{correction_id}}/{action}", _of_correction(action)
