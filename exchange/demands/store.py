"""SQL of demands."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import col, or_, select

from auth.regions.within import within
from exchange import store as moving
from exchange.demands.states import Party, State
from exchange.demands.tables import Demand, DemandHistory
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

HISTORY = moving.History(DemandHistory, "demand_id")
add_history, history = HISTORY.add, HISTORY.of


async def lock_both(session: WriteSession, demand_ids: Sequence[str]) -> Mapping[str, Demand]:
    """Lock the demands that there are, in the order of their ids, so that no two wait in turn."""
    query = select(Demand).where(col(Demand.id).in_(demand_ids)).order_by(col(Demand.id))
    fresh = query.with_for_update().execution_options(populate_existing=True)
    return {row.id: row for row in (await session.exec(fresh)).all()}


async def lock_followers(session: WriteSession, demand_id: str, most: int) -> Sequence[Demand]:
    """Lock what is merged into a demand."""
    query = (
        select(Demand)
        .where(col(Demand.merged_into) == demand_id, col(Demand.status) == State.MERGED)
        .order_by(col(Demand.id))
        .limit(most)
    )
    fresh = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(fresh)).all()


async def several(session: ReadSession, demand_ids: Sequence[str]) -> Mapping[str, Demand]:
    rows = await moving.several(session, Demand, demand_ids) if demand_ids else []
    return {row.id: row for row in rows}


async def page(
    session: ReadSession,
    parties: Mapping[Party, str],
    status: State | None,
    overdue_on: date | None,
    request: PageRequest,
) -> Page[Demand]:
    """Return what the parties may see: each leads to a department, `authority` to a division."""
    query = select(Demand).where(or_(*(_seen_by(party, key) for party, key in parties.items())))
    if status is not None:
        query = query.where(col(Demand.status) == status)
    if overdue_on is not None:
        late = col(Demand.planned_on) < overdue_on
        query = query.where(col(Demand.status) == State.ACCEPTED, late)
    rows = (await session.exec(request.apply(query, Demand.id))).all()
    return request.page(rows, "id")


def _seen_by(party: Party, key: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    if party is Party.DEMANDER:
        return col(Demand.department) == key
    if party is Party.ASSIGNED:
        return col(Demand.assigned_department) == key
    return within(col(Demand.region_code), key) & col(Demand.submitted_at).is_not(None)
