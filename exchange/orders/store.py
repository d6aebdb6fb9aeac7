"""SQL of orders."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import func
from sqlmodel import col, or_, select

from auth.regions.within import within
from exchange import store as moving
from exchange.orders.states import Party, State
from exchange.orders.tables import Order, OrderHistory, OrderViolation
from exchange.violations.tables import Violation
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

HISTORY = moving.History(OrderHistory, "order_id")
add_history, history = HISTORY.add, HISTORY.of


async def violations(
    session: ReadSession, order_ids: Collection[str]
) -> Mapping[str, Sequence[Violation]]:
    """Return what orders are about, by order, the oldest first."""
    query = (
        select(OrderViolation.order_id, Violation)
        .join(Violation, col(Violation.id) == col(OrderViolation.violation_id))
        .where(col(OrderViolation.order_id).in_(order_ids))
        .order_by(col(Violation.id))
    )
    found: dict[str, list[Violation]] = {}
    for order_id, violation in (await session.exec(query)).all():
        found.setdefault(order_id, []).append(violation)
    return found


async def orders_of(session: ReadSession, violation_ids: Collection[str]) -> Mapping[str, str]:
    """Return the newest order about each violation that has one."""
    query = (
        select(OrderViolation.violation_id, func.max(OrderViolation.order_id))
        .where(col(OrderViolation.violation_id).in_(violation_ids))
        .group_by(col(OrderViolation.violation_id))
    )
    return dict((await session.exec(query)).all())


async def page(
    session: ReadSession,
    parties: Mapping[Party, str],
    status: State | None,
    overdue_on: date | None,
    request: PageRequest,
) -> Page[Order]:
    """Return what the parties may see: `department` of its own, `authority` of a division."""
    query = select(Order).where(or_(*(_seen_by(party, key) for party, key in parties.items())))
    if status is not None:
        query = query.where(col(Order.status) == status)
    if overdue_on is not None:
        query = query.where(col(Order.status) == State.OPEN, col(Order.due_on) < overdue_on)
    rows = (await session.exec(request.apply(query, Order.id))).all()
    return request.page(rows, "id")


def _seen_by(party: Party, key: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    if party is Party.DEPARTMENT:
        return col(Order.department) == key
    return within(col(Order.region_code), key)
