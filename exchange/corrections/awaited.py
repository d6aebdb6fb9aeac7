"""Which corrections wait for the caller: to be answered, fixed or confirmed."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import and_, case
from sqlmodel import col

from auth.principal import Principal
from exchange.corrections.states import ALLOWED_ROLES, ANSWERABLE, Action, State
from exchange.corrections.tables import Correction
from exchange.parties import Side
from kernel import awaited
from kernel.awaited import Awaited, Choice, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

DUTIES: Final = (
    (State.SUBMITTED, Action.ACCEPT, Side.PROVIDER),
    (State.ACCEPTED, Action.FIX, Side.PROVIDER),
    (State.FIXED, Action.CONFIRM, Side.CONSUMER),
)


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Sequence[Awaited]:
    """Return the first corrections that wait for the caller; C7 is over once they are fixed."""
    choices = list(_choices(principal))
    if not choices:
        return []
    asks = col(Correction.status) == State.FIXED
    columns = Columns(
        id=col(Correction.id),
        department=case(
            (asks, col(Correction.provider_department)),
            else_=col(Correction.consumer_department),
        ),
        due_at=case((col(Correction.status).in_(ANSWERABLE), col(Correction.due_at))),
        named=col(Correction.resource_id),
    )
    query = awaited.query("correction", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


def _choices(principal: Principal) -> Iterator[Choice]:
    for state, action, side in DUTIES:
        if principal.roles.isdisjoint(ALLOWED_ROLES[action][side]):
            continue
        department = (
            Correction.provider_department
            if side is Side.PROVIDER
            else Correction.consumer_department
        )
        mine = col(department) == principal.department
        yield str(action), and_(mine, col(Correction.status) == state)
