"""SQL of applications."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, literal
from sqlmodel import col, func, or_, select

from auth.regions.within import within
from exchange import store as moving
from exchange.applications.states import AWAITING_REPLY, UNDECIDED, State
from exchange.applications.tables import Application, ApplicationHistory
from exchange.parties import Side
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest
from kernel.workdays import SHANGHAI, local_date

ONE_DAY: Final = timedelta(days=1)
A_MIDNIGHT: Final = datetime(2000, 1, 1, tzinfo=SHANGHAI)

HISTORY = moving.History(ApplicationHistory, "application_id")
add_history, history = HISTORY.add, HISTORY.of


async def continuing(session: ReadSession, subscription_id: str) -> str | None:
    """Return the application by which a subscription is to go on, if one is open."""
    query = select(Application.id).where(
        (col(Application.renews) == subscription_id) | (col(Application.amends) == subscription_id),
        col(Application.status).in_(UNDECIDED),
    )
    return (await session.exec(query.limit(1))).first()


async def page(
    session: ReadSession,
    sides: Mapping[Side, str],
    status: State | None,
    overdue: bool | None,  # noqa: FBT001 - a filter with three values
    now: datetime,
    request: PageRequest,
) -> Page[Application]:
    """Return what the `sides` may see. Drafts are in the consumer's list alone."""
    query = select(Application)
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
    return within(col(Application.region_code), key) & received


async def take_outdated(session: WriteSession, calendar: int, limit: int) -> Sequence[Application]:
    """Lock applications whose open deadline was reckoned before a newer holiday notice."""
    outdated = (
        select(Application)
        .where(
            col(Application.status).in_(AWAITING_REPLY),
            col(Application.due_calendar) < calendar,
            col(Application.breached_at).is_(None),
        )
        .limit(limit)
    )
    return (await session.exec(outdated.with_for_update(skip_locked=True))).all()


async def take_open(session: WriteSession, after: str, limit: int) -> Sequence[Application]:
    """Lock applications with an open deadline behind an id, in the order of ids."""
    waiting = (
        select(Application)
        .where(
            col(Application.status).in_(AWAITING_REPLY),
            col(Application.breached_at).is_(None),
            col(Application.id) > after,
        )
        .order_by(col(Application.id))
        .limit(limit)
    )
    locked = waiting.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(locked)).all()


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


async def overdue_by_clock(session: ReadSession, now: datetime) -> dict[str, int]:
    """Return how many applications wait for a reply beyond their day, by clock (C3, C4, C5)."""
    overdue = (
        select(Application.clock, func.count())
        .where(col(Application.status).in_(AWAITING_REPLY), col(Application.due_at) <= now)
        .group_by(col(Application.clock))
    )
    return {str(clock): int(number) for clock, number in (await session.exec(overdue)).all()}


async def replies(
    session: ReadSession, resource_ids: Collection[str], since: datetime
) -> Sequence[tuple[str, date, date, int]]:
    """Return resource, days of signature and reply (Asia/Shanghai), and how many replies."""
    moments = col(Application.submitted_at), col(Application.decided_at)
    signed, decided = map(day_begun, moments)
    query = (
        select(Application.resource_id, signed, decided, func.count())
        .where(
            col(Application.resource_id).in_(resource_ids),
            col(Application.status).in_((State.AGREED, State.REFUSED)),
            col(Application.decided_at) >= since,
            col(Application.submitted_at).is_not(None),
        )
        .group_by(col(Application.resource_id), signed, decided)
    )
    rows = (await session.exec(query)).all()
    return [(row[0], local_date(row[1]), local_date(row[2]), row[3]) for row in rows]


def day_begun(moment: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return when the day of a moment began in Shanghai, where all have had 24 hours since 1992.

    To look the zone up for each of ten thousand moments takes twenty times as long.
    """
    return func.date_bin(ONE_DAY, moment, literal(A_MIDNIGHT, DateTime(timezone=True)))
