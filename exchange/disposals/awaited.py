"""Which disposals wait for a head: to be reported, or confirmed (Order 809 Art 27).

They stand last, without a day: it is reckoned in working days, which SQL does not know.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, DateTime, and_, case, cast, null
from sqlmodel import col, exists, select

from auth.principal import Principal, Role
from exchange.disposals.states import Action, State
from exchange.disposals.tables import Disposal
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel import awaited
from kernel.awaited import Awaited, Choice, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

NO_DAY: Final = cast(null(), DateTime(timezone=True))


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Sequence[Awaited]:
    """Return the first ended subscriptions whose data the caller, as head, has to look after."""
    choices = list(_choices(principal)) if Role.HEAD in principal.roles else []
    if not choices:
        return []
    own = col(Subscription.consumer_department) == principal.department
    columns = Columns(
        id=col(Subscription.id),
        department=case(
            (own, col(Subscription.provider_department)),
            else_=col(Subscription.consumer_department),
        ),
        due_at=NO_DAY,
        named=col(Subscription.resource_id),
    )
    query = awaited.query("subscription", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


def _choices(principal: Principal) -> Iterator[Choice]:
    ended = col(Subscription.status).not_in(LIVE)
    mine = and_(col(Subscription.consumer_department) == principal.department, ended)
    yield f"disposal-{Action.REPORT}", and_(mine, ~_answered(State.REPORTED, State.CONFIRMED))
    theirs = and_(col(Subscription.provider_department) == principal.department, ended)
    yield f"disposal-{Action.CONFIRM}", and_(theirs, _answered(State.REPORTED))


def _answered(*states: State) -> ColumnElement[bool]:
    return exists(
        select(Disposal.id).where(
            col(Disposal.id) == col(Subscription.id), col(Disposal.status).in_(states)
        )
    )
