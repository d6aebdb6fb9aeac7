"""SQL of standards and code lists."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert
from sqlmodel import and_, col, or_, select, update

from catalog.store.rows import page_of
from catalog.tables import CodeItem, CodeList, CodeListEdition, Standard
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest


async def standards(session: ReadSession, q: str | None, page: PageRequest) -> Page[Standard]:
    query = select(Standard)
    for word in (q or "").split():
        query = query.where(
            or_(
                col(Standard.code).icontains(word, autoescape=True),
                col(Standard.title).icontains(word, autoescape=True),
            )
        )
    return await page_of(session, query, page, col(Standard.code))


async def code_lists(session: ReadSession, q: str | None, page: PageRequest) -> Page[CodeList]:
    query = select(CodeList)
    for word in (q or "").split():
        query = query.where(
            or_(
                col(CodeList.code).icontains(word, autoescape=True),
                col(CodeList.name).icontains(word, autoescape=True),
            )
        )
    return await page_of(session, query, page, col(CodeList.code))


async def registered(session: ReadSession, key: Any, codes: Collection[str]) -> frozenset[str]:  # noqa: ANN401 - a column
    """Return those of the codes that the key of a table knows."""
    if not codes:
        return frozenset()
    return frozenset((await session.exec(select(key).where(key.in_(codes)))).all())


async def editions(session: ReadSession, code_list: str) -> Sequence[CodeListEdition]:
    query = select(CodeListEdition).where(CodeListEdition.code_list == code_list)
    return (await session.exec(query.order_by(col(CodeListEdition.effective_from)))).all()


async def withdraw(session: WriteSession, row: CodeListEdition, reason: str, now: datetime) -> bool:
    """Withdraw an edition; False when somebody else has just done so."""
    statement = (
        update(CodeListEdition)
        .where(
            col(CodeListEdition.code_list) == row.code_list,
            col(CodeListEdition.edition) == row.edition,
            col(CodeListEdition.withdrawn_at).is_(None),
        )
        .values(withdrawn_at=now, withdraw_reason=reason)
    )
    if (await session.exec(statement)).rowcount != 1:
        return False
    await session.refresh(row)
    return True


async def edition_values(session: ReadSession, code_list: str, edition: str) -> Sequence[CodeItem]:
    query = select(CodeItem).where(CodeItem.code_list == code_list, CodeItem.edition == edition)
    return (await session.exec(query.order_by(col(CodeItem.value)))).all()


async def add_items(session: WriteSession, items: Sequence[CodeItem]) -> None:
    await session.exec(insert(CodeItem), params=[item.model_dump() for item in items])


def _in_force(query: Any, on: date) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    """Narrow a query of values to those valid on the day, of each list's edition of that day."""
    edition, item = CodeListEdition, CodeItem
    first_day = (
        select(edition.code_list, func.max(edition.effective_from).label("day"))
        .where(edition.effective_from <= on, col(edition.withdrawn_at).is_(None))
        .group_by(col(edition.code_list))
        .subquery()
    )
    return (
        query.join(
            edition,
            and_(item.code_list == edition.code_list, item.edition == edition.edition),
        )
        .join(
            first_day,
            and_(
                edition.code_list == first_day.c.code_list,
                edition.effective_from == first_day.c.day,
                col(edition.withdrawn_at).is_(None),
            ),
        )
        .where(
            or_(col(item.effective_from).is_(None), col(item.effective_from) <= on),
            or_(col(item.effective_to).is_(None), col(item.effective_to) >= on),
        )
    )


async def items(
    session: ReadSession, code_list: str, on: date, page: PageRequest
) -> Page[CodeItem]:
    query = _in_force(select(CodeItem), on).where(CodeItem.code_list == code_list)
    return await page_of(session, query, page, col(CodeItem.value))


async def values_in_force(
    session: ReadSession, code_lists: Collection[str], on: date
) -> dict[str, tuple[str, ...]]:
    """Return the values of each list on the day; a list without any is absent."""
    wanted = _in_force(select(CodeItem.code_list, CodeItem.value), on)
    wanted = wanted.where(col(CodeItem.code_list).in_(code_lists)).order_by(col(CodeItem.value))
    found: dict[str, list[str]] = defaultdict(list)
    for code_list, value in (await session.exec(wanted)).all():
        found[code_list].append(value)
    return {code_list: tuple(values) for code_list, values in found.items()}
