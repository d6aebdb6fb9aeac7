"""SQL of elements."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlmodel import col, or_, select, update

from catalog.store.rows import page_of
from catalog.tables import Element
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest


async def by_code(session: ReadSession, codes: Collection[str]) -> dict[str, Element]:
    rows = (await session.exec(select(Element).where(col(Element.code).in_(codes)))).all()
    return {row.code: row for row in rows}


async def change(session: WriteSession, read: Element, facts: Mapping[str, Any]) -> bool:
    """Change an element as it was read; False when it has moved on."""
    statement = (
        update(Element)
        .where(
            col(Element.code) == read.code,
            col(Element.revision) == read.revision,
            col(Element.retired_at).is_(None),
        )
        .values(revision=read.revision + 1, **facts)
    )
    if (await session.exec(statement)).rowcount != 1:
        return False
    await session.refresh(read)
    return True


async def lock(session: WriteSession, code: str) -> Element | None:
    """Let one transaction at a time decide about the element's sources; None: no such element."""
    query = select(Element).where(Element.code == code).with_for_update(key_share=True)
    return (await session.exec(query)).one_or_none()


async def lock_all(session: WriteSession, codes: Collection[str]) -> None:
    """Lock several elements as `lock` does one, in the order in which `share` takes them."""
    query = select(Element.code).where(col(Element.code).in_(codes)).order_by(Element.code)
    await session.exec(query.with_for_update(key_share=True))


async def share(session: WriteSession, codes: Collection[str]) -> None:
    """Let nobody decide about the sources of these elements until the transaction ends."""
    query = select(Element.code).where(col(Element.code).in_(codes)).order_by(Element.code)
    await session.exec(query.with_for_update(read=True))


async def find(
    session: ReadSession,
    q: str | None,
    standard: str | None,
    data_type: str | None,
    page: PageRequest,
) -> Page[Element]:
    query = select(Element)
    for word in (q or "").split():
        query = query.where(
            or_(
                col(Element.code).icontains(word, autoescape=True),
                col(Element.name).icontains(word, autoescape=True),
                col(Element.definition).icontains(word, autoescape=True),
            )
        )
    if standard is not None:
        query = query.where(Element.standard == standard)
    if data_type is not None:
        query = query.where(Element.data_type == data_type)
    return await page_of(session, query, page, col(Element.code))
