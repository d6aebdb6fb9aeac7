"""Which disputes wait for the caller: a claim to answer, a dispute to decide or to conclude."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, and_, literal, not_, or_
from sqlmodel import col

from auth import directory
from auth.principal import Principal, Role
from auth.regions.tree import covers, current
from auth.regions.within import within
from exchange.disputes.states import UNDECIDED, Action, State
from exchange.disputes.tables import Dispute
from kernel import awaited
from kernel.awaited import Awaited, Choice, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

NO_DUE_DATE: Final = literal(None, DateTime(timezone=True))


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Sequence[Awaited]:
    """Return the first disputes that wait for the caller."""
    choices = [*_of_department(principal), *await _of_authority(session, principal)]
    if not choices:
        return []
    columns = Columns(
        id=col(Dispute.id),
        department=col(Dispute.claimant_department),
        due_at=NO_DUE_DATE,
        named=col(Dispute.about)["resource_id"].astext,
    )
    query = awaited.query("dispute", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


def _of_department(principal: Principal) -> Iterator[Choice]:
    if Role.HEAD in principal.roles:
        mine = col(Dispute.respondent_department) == principal.department
        yield Action.REPLY, and_(mine, col(Dispute.status) == State.OPEN)


async def _of_authority(session: ReadSession, principal: Principal) -> list[Choice]:
    """Return what an authority decides: no lower one stands above both departments."""
    if not (principal.is_authority and Role.AUTHORITY in principal.roles):
        return []
    own = current(principal.region_code)
    divisions = set((await directory.authorities(session)).values())
    lower = {current(each) for each in divisions if covers(own, each)}
    undecided = col(Dispute.status).in_(UNDECIDED)
    lowest = not_(or_(*(_both_below(each) for each in sorted(lower - {own})), literal(value=False)))
    appealed = and_(
        col(Dispute.status) == State.APPEALED,
        col(Dispute.decided_department) == principal.department,
    )
    return [
        (Action.DECIDE, and_(undecided, _both_below(own), lowest)),
        (Action.CONCLUDE, appealed),
    ]


def _both_below(region_code: str) -> ColumnElement[bool]:
    columns: Sequence[Any] = (Dispute.claimant_region, Dispute.respondent_region)
    return and_(*(within(col(column), region_code) for column in columns))
