"""SQL of what waits for somebody in applications and subscriptions."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, case
from sqlmodel import col

from auth.principal import Principal
from auth.regions.within import within
from exchange.applications import states as application_states
from exchange.applications.tables import Application
from exchange.parties import Side
from exchange.subscriptions import states as subscription_states
from exchange.subscriptions.tables import Subscription
from exchange.tasks.duties import DELIVER, Duty
from kernel import awaited
from kernel.awaited import Awaited, Columns
from kernel.database import ReadSession
from kernel.paging import PageRequest


async def applications(
    session: ReadSession, principal: Principal, duties: Sequence[Duty], request: PageRequest
) -> Sequence[Awaited]:
    """Return applications that wait; a draft and a supplement have no clock."""
    if not duties:
        return []
    runs = col(Application.status).in_(application_states.AWAITING_REPLY)
    columns = Columns(
        id=col(Application.id),
        department=_asker(),
        due_at=case((runs, col(Application.due_at))),
        named=col(Application.resource_id),
    )
    choices = [(str(duty.action), _application(principal, duty)) for duty in duties]
    query = awaited.query("application", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


async def subscriptions(
    session: ReadSession,
    principal: Principal,
    duties: Sequence[Duty],
    today: date,
    request: PageRequest,
) -> Sequence[Awaited]:
    """Return what is suspended and to be looked after, and what is still to be delivered (C6)."""
    if not duties:
        return []
    remedied = awaited.day_end(col(Subscription.remedy_by))
    suspended = col(Subscription.status) == subscription_states.State.SUSPENDED
    columns = Columns(
        id=col(Subscription.id),
        department=col(Subscription.consumer_department),
        due_at=case((suspended, remedied), else_=col(Subscription.deliver_by)),
        named=col(Subscription.resource_id),
    )
    choices = [(str(duty.action), _subscription(principal, duty, today)) for duty in duties]
    query = awaited.query("subscription", columns, choices, request)
    return awaited.rows((await session.exec(query)).all(), columns)


def _application(principal: Principal, duty: Duty) -> ColumnElement[bool]:
    waits = _of_side(Application, principal, duty.side)
    waits &= col(Application.status) == duty.state
    if duty.action == application_states.Action.REQUEST_SUPPLEMENT:
        waits &= col(Application.supplement_used).is_(False)
    return waits


def _subscription(principal: Principal, duty: Duty, today: date) -> ColumnElement[bool]:
    waits = _of_side(Subscription, principal, duty.side)
    waits &= col(Subscription.status) == duty.state
    waits &= col(Subscription.valid_until) >= today
    if duty.action == DELIVER:
        return waits & col(Subscription.delivered_at).is_(None)
    return waits & (col(Subscription.suspended_by) == duty.side)


def _of_side(
    table: type[Application | Subscription], principal: Principal, side: Side
) -> ColumnElement[bool]:
    own = principal.department
    if side is Side.CONSUMER:
        return col(table.consumer_department) == own
    if side is Side.PROVIDER:
        return col(table.provider_department) == own
    return within(col(table.region_code), principal.region_code)


def _asker() -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    """Whom it comes from: of an extension that is asked for, the provider."""
    asks = col(Application.status).in_(
        (
            application_states.State.EXTENSION_REQUESTED,
            application_states.State.SUPPLEMENT_REQUESTED,
        )
    )
    return case(
        (asks, col(Application.provider_department)), else_=col(Application.consumer_department)
    )
