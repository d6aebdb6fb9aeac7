"""The job of an export: what the author may see, laid out as an import reads it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from auth.authors import principal_of
from auth.principal import Principal, Role
from catalog import code_lists as lists
from catalog import elements as kinds
from catalog import search
from catalog.search import Criteria
from gateway.workbooks import catalogue as entries
from gateway.workbooks import code_lists as codes
from gateway.workbooks import elements as element_rows
from gateway.workbooks.columns import cells_of
from gateway.workbooks.importing import XLSX
from gateway.workbooks.layouts import Layout, laid_out
from gateway.workbooks.results import RESULT_MAX, pieces
from kernel.database import ReadSession
from kernel.errors import TooLarge
from kernel.jobs import Run
from kernel.paging import LIMIT_MAX, PageRequest
from kernel.workbooks.reading import ROWS_MAX
from kernel.workbooks.writing import write

Cells = tuple[list[list[str]], list[list[str]]]
DETAILS_MAX: Final = 10 * ROWS_MAX


async def catalogue(run: Run) -> None:
    await _export(run, entries.LAYOUT, _entries)


async def elements(run: Run) -> None:
    await _export(run, element_rows.LAYOUT, _elements)


async def code_lists(run: Run) -> None:
    await _export(run, codes.LAYOUT, _editions)


async def _export(run: Run, layout: Layout, gather: Any) -> None:  # noqa: ANN401 - a generator
    """Gather all rows in one snapshot, and write them; raises TooLarge."""
    own: list[list[str]] = []
    below: list[list[str]] = []
    async with run.database.snapshot() as session:
        principal = await principal_of(session, run.author, run.arguments["scopes"], run.row.id)
        async for some, details in gather(session, principal):
            own += some
            below += details
            run.done = len(own)
            if len(own) > ROWS_MAX or len(below) > DETAILS_MAX:
                raise TooLarge(limit=ROWS_MAX)
    content = await asyncio.to_thread(write, list(laid_out(layout, own, below)))
    stored = await run.blobs.write(pieces(content), most_bytes=RESULT_MAX)
    await run.finish(stored, media=XLSX, name=f"{layout.title}.xlsx")


async def _entries(session: ReadSession, principal: Principal) -> AsyncIterator[Cells]:
    """Yield the department's own entries; the authority's export is of its region."""
    wide = principal.is_authority and Role.AUTHORITY in principal.roles
    criteria = Criteria(
        department=None if wide else principal.department,
        region_code=principal.region_code if wide else None,
    )
    cursor: str | None = None
    while True:
        found = (
            await search.find(session, principal, criteria, PageRequest(LIMIT_MAX, cursor))
        ).page
        bodies = entries.bodies(found.items)
        own = [cells_of(entries.ENTRY, body) for body in bodies]
        yield own, [cells_of(entries.ITEM, item) for body in bodies for item in body["items"]]
        session.expunge_all()
        cursor = found.next_cursor
        if cursor is None:
            return


async def _elements(session: ReadSession, _principal: Principal) -> AsyncIterator[Cells]:
    cursor: str | None = None
    while True:
        found = await kinds.find(session, PageRequest(LIMIT_MAX, cursor))
        bodies = element_rows.bodies(found.items)
        yield [cells_of(element_rows.ELEMENT, body) for body in bodies], []
        session.expunge_all()
        cursor = found.next_cursor
        if cursor is None:
            return


async def _editions(session: ReadSession, _principal: Principal) -> AsyncIterator[Cells]:
    cursor: str | None = None
    while True:
        found = await lists.find(session, None, PageRequest(LIMIT_MAX, cursor))
        for row in found.items:
            facts = {"code": row.code, "name": row.name, "standard": row.standard}
            for edition in await lists.editions(session, row.code):
                body = {
                    "list": facts,
                    "edition": edition.edition,
                    "effective_from": edition.effective_from,
                }
                values = await lists.values(session, row.code, edition.edition)
                below = [
                    {**value.model_dump(), "list": row.code, "edition": edition.edition}
                    for value in values
                ]
                yield [cells_of(codes.EDITION, body)], [cells_of(codes.CODE, b) for b in below]
        session.expunge_all()
        cursor = found.next_cursor
        if cursor is None:
            return
