"""Crosswalks of code lists, as delivery reads them."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlmodel import col, select

from catalog.code_lists import as_listed
from catalog.rules.crosswalks import Crosswalk, crosswalk
from catalog.store import standards as store
from catalog.tables import Element
from kernel.database import ReadSession
from kernel.turns import FairScheduler


class ListedEdition(NamedTuple):
    """A code list and one of its editions, and which editions it has."""

    code_list: str
    edition: str
    editions: tuple[str, ...]


async def lists_of(session: ReadSession, elements: Collection[str]) -> Mapping[str, str]:
    """Return the code lists of elements that have one."""
    query = select(Element.code, Element.code_list).where(
        col(Element.code).in_(elements), col(Element.code_list).is_not(None)
    )
    return {code: str(code_list) for code, code_list in (await session.exec(query)).all()}


async def editions_of(session: ReadSession, code_list: str) -> Sequence[str]:
    """Return the names of editions that were not withdrawn, the earliest first."""
    rows = await store.editions(session, code_list)
    return [row.edition for row in rows if row.withdrawn_at is None]


async def read(session: ReadSession, listed: ListedEdition, turns: FairScheduler) -> Crosswalk:
    """Return how values of all editions read in one of them."""
    rows = {row.edition: row for row in await store.editions(session, listed.code_list)}
    editions = [
        await as_listed(session, listed.code_list, edition, rows) for edition in listed.editions
    ]
    return await turns.finish(crosswalk(editions, listed.editions.index(listed.edition)))
