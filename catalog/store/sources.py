"""SQL of sources."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update

from auth.regions.tree import spellings
from catalog.states import OPEN_CLAIMS, SourceStatus
from catalog.store.rows import page_of
from catalog.tables import Source
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest

# The partial unique index of `catalog.tables.Source`.
ONE_ACTIVE = "source_one_active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Each that is given narrows what is found."""

    element: str | None = None
    region_code: str | None = None
    status: SourceStatus | None = None
    department: str | None = None


async def find(session: ReadSession, criteria: Criteria, page: PageRequest) -> Page[Source]:
    query = select(Source)
    for name, value in asdict(criteria).items():
        if name == "region_code" and value is not None:
            query = query.where(col(Source.region_code).in_(spellings(value)))
        elif value is not None:
            query = query.where(getattr(Source, name) == value)
    return await page_of(session, query, page, col(Source.id))


async def standing_of(session: ReadSession, department: str) -> Sequence[Source]:
    """Return the open claims and active sources of a department, by element."""
    query = select(Source).where(
        Source.department == department,
        col(Source.status).in_((*OPEN_CLAIMS, SourceStatus.ACTIVE)),
    )
    return (await session.exec(query.order_by(Source.element, Source.region_code))).all()


async def rivals(session: ReadSession, element: str, region_code: str) -> Sequence[Source]:
    """Return the open claims and the active source of exactly this region."""
    query = select(Source).where(
        Source.element == element,
        col(Source.region_code).in_(spellings(region_code)),
        col(Source.status).in_((*OPEN_CLAIMS, SourceStatus.ACTIVE)),
    )
    return (await session.exec(query)).all()


async def active(
    session: ReadSession, elements: Collection[str], region_codes: Collection[str]
) -> Sequence[Source]:
    query = select(Source).where(
        col(Source.element).in_(elements),
        col(Source.region_code).in_(region_codes),
        Source.status == SourceStatus.ACTIVE,
    )
    return (await session.exec(query)).all()


async def end_active(
    session: WriteSession, element: str, region_code: str, *, now: datetime
) -> Sequence[str]:
    """Make the region's active source `replaced`; return its id, of older data several."""
    statement = (
        update(Source)
        .where(
            col(Source.element) == element,
            col(Source.region_code).in_(spellings(region_code)),
            col(Source.status) == SourceStatus.ACTIVE,
        )
        .values(status=SourceStatus.REPLACED, ended_at=now)
        .returning(col(Source.id))
    )
    ended: Sequence[str] = (await session.exec(statement)).scalars().all()
    return ended


async def move(session: WriteSession, source: Source, to: SourceStatus, **facts: Any) -> bool:  # noqa: ANN401
    """Move the source from the status it was read in; False when the database refuses.

    It refuses when the status has changed, or when another source of the element is active in
    the region: the unique index decides that, whoever looked before (P1).
    """
    statement = (
        update(Source)
        .where(col(Source.id) == source.id, col(Source.status) == source.status)
        .values(status=to, **facts)
    )
    try:
        moved = (await session.exec(statement)).rowcount == 1
    except IntegrityError as refused:
        if ONE_ACTIVE not in str(refused.orig):
            raise
        return False
    await session.refresh(source)
    return moved
