"""SQL of sources."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update

from catalog.states import OPEN_CLAIMS, SourceStatus
from catalog.store.rows import page_of
from catalog.tables import Source
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest


async def find(
    session: ReadSession,
    element: str,
    region_code: str | None,
    status: str | None,
    page: PageRequest,
) -> Page[Source]:
    query = select(Source).where(Source.element == element)
    if region_code is not None:
        query = query.where(Source.region_code == region_code)
    if status is not None:
        query = query.where(Source.status == status)
    return await page_of(session, query, page, col(Source.id))


async def rivals(session: ReadSession, element: str, region_code: str) -> Sequence[Source]:
    """Return the open claims and the active source of exactly this region."""
    query = select(Source).where(
        Source.element == element,
        Source.region_code == region_code,
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
) -> str | None:
    """Make the region's active source `replaced` and return its id; None when there is none."""
    statement = (
        update(Source)
        .where(
            col(Source.element) == element,
            col(Source.region_code) == region_code,
            col(Source.status) == SourceStatus.ACTIVE,
        )
        .values(status=SourceStatus.REPLACED, ended_at=now)
        .returning(col(Source.id))
    )
    found: str | None = (await session.exec(statement)).scalar_one_or_none()
    return found


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
    except IntegrityError:
        return False
    await session.refresh(source)
    return moved
