"""SQL of disputes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import and_, col, or_, select

from auth.regions.codes import REGION, STATE
from auth.regions.tree import current
from auth.regions.within import within
from exchange import store as moving
from exchange.disputes.states import PENDING, Party, State
from exchange.disputes.tables import Dispute, DisputeHistory
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

HISTORY = moving.History(DisputeHistory, "dispute_id")
add_history, history = HISTORY.add, HISTORY.of


async def add(session: WriteSession, dispute: Dispute) -> bool:
    """Insert it; False where the claimant has an open one about the same thing."""
    statement = insert(Dispute).values(**dispute.model_dump()).on_conflict_do_nothing()
    return (await session.exec(statement)).rowcount == 1


async def open_of(session: ReadSession, kind: str, about_id: str, claimant: str) -> str | None:
    query = select(Dispute.id).where(
        col(Dispute.kind) == kind,
        col(Dispute.about_id) == about_id,
        col(Dispute.claimant_department) == claimant,
        col(Dispute.status).in_(PENDING),
    )
    return (await session.exec(query.limit(1))).first()


async def several(session: ReadSession, dispute_ids: Collection[str]) -> Mapping[str, Dispute]:
    """Return the disputes that there are, as they are now."""
    query = select(Dispute).where(col(Dispute.id).in_(dispute_ids))
    fresh = query.execution_options(populate_existing=True)
    return {row.id: row for row in (await session.exec(fresh)).all()}


async def page(
    session: ReadSession,
    parties: Mapping[Party, str],
    status: State | None,
    kind: str | None,
    now: datetime,
    request: PageRequest,
) -> Page[Dispute]:
    """Return what the `parties` may see; each leads to a department, `authority` to a division."""
    query = select(Dispute)
    query = query.where(or_(*(_seen_by(party, key) for party, key in parties.items())))
    if status is not None:
        query = query.where(_in_state(status, now))
    if kind is not None:
        query = query.where(col(Dispute.kind) == kind)
    rows = (await session.exec(request.apply(query, Dispute.id))).all()
    return request.page(rows, "id")


async def take_appealable(
    session: WriteSession, after: str, now: datetime, limit: int
) -> Sequence[Dispute]:
    """Lock decided disputes that may still be appealed against, behind an id, in their order."""
    query = (
        select(Dispute)
        .where(
            col(Dispute.status) == State.DECIDED,
            col(Dispute.appeal_until) > now,
            col(Dispute.id) > after,
        )
        .order_by(col(Dispute.id))
        .limit(limit)
    )
    locked = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(locked)).all()


def _in_state(status: State, now: datetime) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    over = and_(col(Dispute.status) == State.DECIDED, col(Dispute.appeal_until) <= now)
    if status is State.CLOSED:
        return or_(col(Dispute.status) == status, over)
    return and_(col(Dispute.status) == status, ~over)


def _seen_by(party: Party, key: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    if party is Party.CLAIMANT:
        return col(Dispute.claimant_department) == key
    if party is Party.RESPONDENT:
        return col(Dispute.respondent_department) == key
    return _below(Dispute.claimant_region, key) & _below(Dispute.respondent_region, key)


def _below(column: Any, region_code: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    """The region's authority stands over departments of the state too, while that has none."""
    code = current(region_code)
    if code == STATE:
        return col(column).is_not(None)
    inside = within(col(column), code)
    return or_(inside, col(column) == STATE) if code == REGION else inside
