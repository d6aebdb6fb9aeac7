"""SQL of applications."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, or_, select, update

from auth.principal import significant
from exchange.applications.states import AWAITING_REPLY, State
from exchange.applications.tables import Application, ApplicationHistory
from exchange.parties import Side
from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, NotFound
from kernel.paging import Page, PageRequest


async def get(session: ReadSession, application_id: str) -> Application:
    """Raise NotFound when there is none."""
    found = await session.get(Application, application_id)
    if found is None:
        raise NotFound
    return found


async def lock(session: WriteSession, application_id: str) -> Application:
    """Return the newest row and keep others from moving it; raises NotFound."""
    query = select(Application).where(col(Application.id) == application_id)
    fresh = query.with_for_update().execution_options(populate_existing=True)
    found = (await session.exec(fresh)).first()
    if found is None:
        raise NotFound
    return found


async def move(
    session: WriteSession, application: Application, to: State, changes: Mapping[str, Any]
) -> Application:
    """Write a transition if nobody was faster; raises Conflict."""
    statement = (
        update(Application)
        .where(
            col(Application.id) == application.id,
            col(Application.status) == application.status,
            col(Application.revision) == application.revision,
        )
        .values(status=to, revision=application.revision + 1, **changes)
        .returning(Application)
        .execution_options(populate_existing=True)
    )
    moved = (await session.scalars(statement)).one_or_none()
    if moved is None:
        raise Conflict
    return moved


def add_history(
    session: WriteSession,
    application_id: str,
    action: str,
    step: tuple[str | None, str],
    actor: Actor,
    at: datetime,
    details: Mapping[str, Any],
) -> None:
    session.add(
        ApplicationHistory(
            application_id=application_id,
            at=at,
            action=action,
            from_state=step[0],
            to_state=step[1],
            actor_kind=actor.kind,
            actor_id=actor.id,
            department=actor.department,
            details=dict(details),
        )
    )


async def history(session: ReadSession, application_id: str) -> Sequence[ApplicationHistory]:
    query = select(ApplicationHistory).where(
        col(ApplicationHistory.application_id) == application_id
    )
    return (await session.exec(query.order_by(col(ApplicationHistory.id)))).all()


async def page(
    session: ReadSession,
    sides: Mapping[Side, str] | None,
    status: State | None,
    overdue: bool | None,  # noqa: FBT001 - a filter with three values
    now: datetime,
    request: PageRequest,
) -> Page[Application]:
    """Return what the `sides` may see; None sees all. Drafts are in the consumer's list alone."""
    query = select(Application)
    if sides is not None:
        query = query.where(or_(*(_seen_by(side, key) for side, key in sides.items())))
    if status is not None:
        query = query.where(col(Application.status) == status)
    if overdue is not None:
        late = col(Application.status).in_(AWAITING_REPLY) & (col(Application.due_at) <= now)
        query = query.where(late if overdue else ~late)
    rows = (await session.exec(request.apply(query, Application.id))).all()
    return request.page(rows, "id")


def _seen_by(side: Side, key: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    if side is Side.CONSUMER:
        return col(Application.consumer_department) == key
    received = col(Application.submitted_at).is_not(None)
    if side is Side.PROVIDER:
        return (col(Application.provider_department) == key) & received
    region = significant(key)
    return col(Application.region_code).startswith(region, autoescape=True) & received


async def take_overdue(session: WriteSession, now: datetime, limit: int) -> Sequence[Application]:
    """Lock unanswered applications newly past their day, leaving out those others hold."""
    overdue = (
        select(Application)
        .where(
            col(Application.status).in_(AWAITING_REPLY),
            col(Application.due_at) <= now,
            col(Application.breached_at).is_(None),
        )
        .order_by(col(Application.id))
        .limit(limit)
    )
    return (await session.exec(overdue.with_for_update(skip_locked=True))).all()
