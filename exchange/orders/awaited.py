"""Which orders wait for the caller: to answer by a day, to close or to open again."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import and_, case, func
from sqlmodel import col

from auth.principal import Principal, Role
from auth.regions.within import within
from exchange.orders.states import Action, State
from exchange.orders.tables import Order
from exchange.parties import oversees
from kernel import awaited
from kernel.awaited import Awaited, Choice, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

TITLE_CHARACTERS: Final = 60


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Sequence[Awaited]:
    """Return the first orders that wait for the caller."""
    choices = list(_choices(principal))
    if not choices:
        return []
    is_open = col(Order.status) == State.OPEN
    columns = Columns(
        id=col(Order.id),
        department=case((is_open, col(Order.authority_department)), else_=col(Order.department)),
        due_at=case((is_open, awaited.day_end(col(Order.due_on)))),
        title=func.left(col(Order.text), TITLE_CHARACTERS),
    )
    query = awaited.query("order", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


def _choices(principal: Principal) -> Iterator[Choice]:
    status = col(Order.status)
    if Role.HEAD in principal.roles:
        mine = col(Order.department) == principal.department
        yield Action.ANSWER, and_(mine, status == State.OPEN)
    if oversees(principal):
        over = within(col(Order.region_code), principal.region_code)
        others = col(Order.department) != principal.department
        yield Action.CLOSE, and_(over, others, status == State.ANSWERED)
