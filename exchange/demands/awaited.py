"""Which demands wait for the caller: to submit, to assign, to answer, to meet by a day."""

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, case
from sqlmodel import col

from auth.principal import Principal, Role
from auth.regions.within import within
from exchange.demands.states import Action, State
from exchange.demands.tables import Demand
from exchange.parties import oversees
from kernel import awaited
from kernel.awaited import Awaited, Choice, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Sequence[Awaited]:
    """Return the first demands that wait for the caller."""
    choices = list(_choices(principal))
    if not choices:
        return []
    columns = Columns(
        id=col(Demand.id),
        department=col(Demand.department),
        due_at=case(
            (col(Demand.status) == State.ACCEPTED, awaited.day_end(col(Demand.planned_on)))
        ),
        title=col(Demand.title),
    )
    query = awaited.query("demand", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


def _choices(principal: Principal) -> Iterator[Choice]:
    status = col(Demand.status)
    if Role.HEAD in principal.roles:
        mine = col(Demand.assigned_department) == principal.department
        own = col(Demand.department) == principal.department
        yield Action.SUBMIT, and_(own, status == State.DRAFT)
        yield Action.ACCEPT, and_(mine, status == State.ASSIGNED)
        yield Action.MEET, and_(mine, status == State.ACCEPTED)
    if oversees(principal):
        over = within(col(Demand.region_code), principal.region_code)
        yield Action.ASSIGN, and_(over, status == State.SUBMITTED)
