"""SQL of corrections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, text
from sqlmodel import col, or_, select, update

from auth.regions.tree import prefixes
from auth.regions.within import within
from exchange import store as moving
from exchange.corrections.states import ANSWERABLE, State
from exchange.corrections.tables import Correction, CorrectionHistory
from exchange.parties import Side
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

CLIENT = "client"

HISTORY = moving.History(CorrectionHistory, "correction_id")
add_history, history = HISTORY.add, HISTORY.of


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a list is made of; None leaves a criterion out."""

    status: State | None = None
    overdue: bool | None = None
    subscription_id: str | None = None


async def page(
    session: ReadSession,
    sides: Mapping[str, str],
    criteria: Criteria,
    now: datetime,
    request: PageRequest,
) -> Page[Correction]:
    """Return what the `sides` may see; each leads to a department, division or client."""
    query = select(Correction).where(or_(*(_seen_by(side, key) for side, key in sides.items())))
    if criteria.status is not None:
        query = query.where(col(Correction.status) == criteria.status)
    if criteria.subscription_id is not None:
        query = query.where(col(Correction.subscription_id) == criteria.subscription_id)
    if criteria.overdue is not None:
        late = (col(Correction.due_at) <= now) & col(Correction.status).in_(ANSWERABLE)
        query = query.where(late if criteria.overdue else ~late)
    rows = (await session.exec(request.apply(query, Correction.id))).all()
    return request.page(rows, "id")


def _seen_by(side: str, key: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    if side == Side.CONSUMER:
        return col(Correction.consumer_department) == key
    if side == Side.PROVIDER:
        return col(Correction.provider_department) == key
    if side == CLIENT:
        return col(Correction.client_id) == key
    return within(col(Correction.region_code), key)


async def open_of(session: ReadSession, subscription_id: str) -> int:
    """Count the corrections of a subscription that wait for an answer."""
    query = select(func.count()).where(
        col(Correction.subscription_id) == subscription_id, col(Correction.status).in_(ANSWERABLE)
    )
    return (await session.exec(query)).one()


async def take_overdue(session: WriteSession, now: datetime, limit: int) -> Sequence[Correction]:
    """Lock corrections newly past their day, leaving out those another worker holds."""
    overdue = (
        select(Correction)
        .where(
            col(Correction.due_at) <= now,
            col(Correction.breached_at).is_(None),
            col(Correction.status).in_(ANSWERABLE),
        )
        .order_by(col(Correction.due_at))
        .limit(limit)
    )
    return (await session.exec(overdue.with_for_update(skip_locked=True))).all()


async def take_outdated(session: WriteSession, calendar: int, limit: int) -> Sequence[Correction]:
    """Lock open corrections whose day was reckoned before a newer notice."""
    outdated = (
        select(Correction)
        .where(
            col(Correction.due_calendar) < calendar,
            col(Correction.breached_at).is_(None),
            col(Correction.status).in_(ANSWERABLE),
        )
        .limit(limit)
    )
    return (await session.exec(outdated.with_for_update(skip_locked=True))).all()


async def take_open(session: WriteSession, after: str, limit: int) -> Sequence[Correction]:
    """Lock the next corrections whose C7 runs, in the order of their ids."""
    running = (
        select(Correction)
        .where(
            col(Correction.id) > after,
            col(Correction.breached_at).is_(None),
            col(Correction.status).in_(ANSWERABLE),
        )
        .order_by(col(Correction.id))
        .limit(limit)
    )
    return (await session.exec(running.with_for_update())).all()


async def unsettled(session: ReadSession, now: datetime) -> Correction | None:
    """Return a fixed correction for which it is time to look again who received the value."""
    due = (
        select(Correction)
        .where(col(Correction.settle_at) <= now)
        .order_by(col(Correction.settle_at))
        .limit(1)
    )
    return (await session.exec(due)).first()


async def look_again(session: WriteSession, row: Correction, at: datetime | None) -> None:
    """Note when who received the value is to be looked for again, None for no more."""
    same = col(Correction.id) == row.id
    await session.execute(update(Correction).where(same).values(settle_at=at))


# An element counts once for each correction that disputes it; one without items counts as none.
STATISTICS = text("""
    SELECT c.provider_department, e.element, count(*) AS submitted,
        count(*) FILTER (WHERE c.status = 'submitted') AS waiting,
        count(*) FILTER (WHERE c.status = 'accepted') AS accepted,
        count(*) FILTER (WHERE c.status = 'rejected') AS rejected,
        count(*) FILTER (WHERE c.status IN ('fixed', 'confirmed')) AS fixed,
        count(*) FILTER (WHERE c.status = 'confirmed') AS confirmed,
        count(*) FILTER (WHERE c.status = 'withdrawn') AS withdrawn,
        count(*) FILTER (WHERE c.reopened_at IS NOT NULL) AS reopened,
        count(*) FILTER (WHERE c.breaches > 0) AS breached
    FROM exchange.correction AS c
    LEFT JOIN LATERAL jsonb_array_elements_text(c.elements) AS e (element) ON true
    WHERE c.submitted_at >= CAST(:since AS timestamptz)
        AND c.submitted_at < CAST(:until AS timestamptz)
        AND (c.provider_department = CAST(:provider AS text)
            OR c.region_code LIKE ANY(CAST(:divisions AS text[])))
    GROUP BY c.provider_department, e.element
    ORDER BY c.provider_department, submitted DESC, e.element LIMIT :most
""")
STATISTICS_MAX = 5_000


async def statistics(
    session: ReadSession, provider: str, division: str | None, since: datetime, until: datetime
) -> Sequence[Mapping[str, Any]]:
    """Count corrections by provider and element, of one provider and of a division's."""
    facts = {
        "provider": provider,
        "divisions": [] if division is None else [f"{code}%" for code in prefixes(division)],
        "since": since,
        "until": until,
        "most": STATISTICS_MAX,
    }
    return [dict(row) for row in (await session.execute(STATISTICS, facts)).mappings()]
