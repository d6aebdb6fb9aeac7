"""SQL of violations."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from auth.regions.within import within
from exchange.violations.tables import Violation
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

Period = tuple[datetime | None, datetime | None]


def seen(department: str | None, region_code: str | None) -> list[Any]:
    """Return the conditions of whose violations are meant: one department's or a division's."""
    conditions: list[Any] = []
    if department is not None:
        conditions.append(col(Violation.department) == department)
    if region_code is not None:
        conditions.append(within(col(Violation.region_code), region_code))
    return conditions


def occurred(period: Period) -> list[Any]:
    since, until = period
    conditions: list[Any] = []
    if since is not None:
        conditions.append(col(Violation.occurred_at) >= since)
    if until is not None:
        conditions.append(col(Violation.occurred_at) < until)
    return conditions


def of_type(type_: str) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    return col(Violation.type) == type_


async def counts(session: ReadSession, conditions: Sequence[Any]) -> Mapping[str, int]:
    query = select(Violation.type, func.count()).where(*conditions).group_by(col(Violation.type))
    return {type_: int(number) for type_, number in (await session.exec(query)).all()}


async def newest(
    session: ReadSession, conditions: Sequence[Any], most: int
) -> Mapping[str, Sequence[Violation]]:
    """Return the newest of each type, at most so many."""
    rank = func.row_number().over(
        partition_by=col(Violation.type), order_by=col(Violation.id).desc()
    )
    ranked = select(col(Violation.id).label("id"), rank.label("rank")).where(*conditions).subquery()
    query = select(Violation).join(ranked, ranked.c.id == col(Violation.id))
    rows = (await session.exec(query.where(ranked.c.rank <= most).order_by(ranked.c.rank))).all()
    found: dict[str, list[Violation]] = {}
    for row in rows:
        found.setdefault(row.type, []).append(row)
    return found


async def page(
    session: ReadSession, conditions: Sequence[Any], request: PageRequest
) -> Page[Violation]:
    query = select(Violation).where(*conditions)
    rows = (await session.exec(request.apply(query, Violation.id))).all()
    return request.page(rows, "id")


async def several(session: ReadSession, violation_ids: Collection[str]) -> Sequence[Violation]:
    query = select(Violation).where(col(Violation.id).in_(violation_ids))
    return (await session.exec(query)).all()
