"""Whose use is to be recorded soon, or should be on record already (Order 809 Art 29)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import and_
from sqlmodel import col

from auth.principal import Principal, Role
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel import awaited
from kernel.awaited import Awaited, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest

RECORD: Final = "record-use"
# So long before the day it is a task.
REMINDED: Final = timedelta(days=30)


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest, today: date
) -> Sequence[Awaited]:
    """Return the first subscriptions of which the caller, as head, is to record the use."""
    if Role.HEAD not in principal.roles:
        return []
    waits = and_(
        col(Subscription.consumer_department) == principal.department,
        col(Subscription.status).in_(LIVE),
        col(Subscription.delivered_at).is_not(None),
        col(Subscription.usage_due_on) <= today + REMINDED,
    )
    columns = Columns(
        id=col(Subscription.id),
        department=col(Subscription.provider_department),
        due_at=awaited.day_end(col(Subscription.usage_due_on)),
        named=col(Subscription.resource_id),
    )
    query = awaited.query("subscription", columns, [(RECORD, waits)], request)
    return awaited.rows((await session.exec(query)).all(), columns)
