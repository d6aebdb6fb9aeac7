"""Which endpoints wait for the head of their consumer: to be tested, or resumed behind a gap."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import DateTime, and_, cast, null
from sqlmodel import col

from auth.principal import Principal, Role
from exchange.delivery.push.states import PausedBy, State
from exchange.delivery.push.tables import Endpoint
from exchange.subscriptions.states import State as Granted
from exchange.subscriptions.tables import Subscription
from kernel import awaited
from kernel.awaited import Awaited, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

TEST, RESUME = "test-endpoint", "resume-endpoint"
# No law sets a day for it.
NO_DAY: Final = cast(null(), DateTime(timezone=True))


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest
) -> Sequence[Awaited]:
    """Return the first endpoints of the caller's department that rest until its head acts."""
    if Role.HEAD not in principal.roles:
        return []
    own = and_(
        col(Endpoint.id) == col(Subscription.id),
        col(Subscription.consumer_department) == principal.department,
        col(Subscription.status) == Granted.ACTIVE,
    )
    status = col(Endpoint.status)
    gone = and_(status == State.PAUSED, col(Endpoint.paused_by) == PausedBy.PLATFORM)
    choices = [
        (RESUME, and_(own, status == State.STOPPED)),
        (TEST, and_(own, (status == State.UNTESTED) | gone)),
    ]
    columns = Columns(
        id=col(Subscription.id),
        department=col(Subscription.provider_department),
        due_at=NO_DAY,
        named=col(Subscription.resource_id),
    )
    query = awaited.query("subscription", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)
