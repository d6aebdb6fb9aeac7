"""The workbook that comes back from an import: as it was sent, with what became of each line."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.workbooks.columns import Column
from gateway.workbooks.layouts import ALIKE, DETAIL, DONE, FAULT, Layout, Parsed, Part
from kernel.blobs import Stored
from kernel.jobs import Run
from kernel.workbooks.reading import EMPTY, Table
from kernel.workbooks.writing import Heading, Sheet, write

# The columns that are added, by where the notes of a job keep what stands in them.
TOLD: Final = {
    "done": Heading(DONE),
    "fault": Heading(FAULT, width=60),
    "alike": Heading(ALIKE, width=60),
}
RESULT_MAX: Final = 512 * 1024 * 1024
FRAME: Final = 1024 * 1024


async def store(run: Run, layout: Layout, parsed: Parsed) -> Stored:
    """Write the result of a run into a file."""
    notes = await run.notes()
    content = await asyncio.to_thread(write, list(_sheets(layout, parsed, notes)))
    return await run.blobs.write(pieces(content), most_bytes=RESULT_MAX)


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), FRAME):
        yield content[start : start + FRAME]


def _sheets(
    layout: Layout, parsed: Parsed, notes: Mapping[int, Mapping[str, Any]]
) -> Iterator[Sheet]:
    keys = ("done", "fault")
    compared = ("alike",) if layout.compared else ()
    yield _sheet(layout.master, parsed.master, notes, 0, (*keys, *compared))
    if layout.detail is not None and parsed.detail is not None:
        yield _sheet(layout.detail, parsed.detail, notes, DETAIL, keys)


def _sheet(
    part: Part,
    table: Table,
    notes: Mapping[int, Mapping[str, Any]],
    base: int,
    keys: Sequence[str],
) -> Sheet:
    """Lay out the lines as they were sent, with the columns of TOLD that have these keys."""
    columns: Sequence[Column] = [c for c in part.columns if c.label in table.columns]
    headings = [*(each.heading for each in columns), *(TOLD[key] for key in keys)]
    rows = (
        [
            *(row.cells.get(each.label, EMPTY).text for each in columns),
            *(str(notes.get(base + row.number, {}).get(key, "")) for key in keys),
        ]
        for row in table.rows
    )
    return Sheet(part.sheet, headings, rows, frozenset({FAULT}))
