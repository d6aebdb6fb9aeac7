"""Finding resources in the catalogue."""

from dataclasses import dataclass
from typing import Final

from auth.principal import Principal
from catalog.store import search as store
from catalog.store.search import Criteria, Facets
from catalog.visibility import Shown, present
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

__all__ = ["Criteria", "Facets", "Found", "find"]

NOT_COUNTED: Final = Facets({}, complete=True)


@dataclass(frozen=True, slots=True)
class Found:
    page: Page[Shown]
    facets: Facets


async def find(
    session: ReadSession, principal: Principal, criteria: Criteria, page: PageRequest
) -> Found:
    """Return the resources that the caller may see, each in the version that it sees.

    They are counted once, with the first page.
    """
    rows, facets = await store.find(session, principal, criteria, page)
    found = [present(principal, resource, version) for resource, version in rows.items]
    first = page.cursor is None
    return Found(Page(found, rows.next_cursor), facets if first else NOT_COUNTED)
