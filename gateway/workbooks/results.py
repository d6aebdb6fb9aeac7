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

# Where the notes of a job keep what stands in a column.
KEYS: Final = {DONE: "done", FAULT: "fault", ALIKE: "alike"}
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
    told = {DONE: 16, FAULT: 60} | ({ALIKE: 60} if layout.compared else {})
    yield _sheet(layout.master, parsed.master, notes, 0, told)
    if layout.detail is not None and parsed.detail is not None:
        yield _sheet(layout.detail, parsed.detail, notes, DETAIL, {DONE: 16, FAULT: 60})


def _sheet(
    part: Part,
    table: Table,
    notes: Mapping[int, Mapping[str, Any]],
    base: int,
    told: Mapping[str, int],
) -> Sheet:
    """Lay out the lines as they were sent, with the columns that are told and their widths."""
    columns: Sequence[Column] = [c for c in part.columns if c.label in table.columns]
    added = [Heading(label, width=width) for label, width in told.items()]
    headings = [*(each.heading for each in columns), *added]
    rows = (
        [
            *(row.cells.get(each.label, EMPTY).text for each in columns),
            *(str(notes.get(base + row.number, {}).get(KEYS[label], "")) for label in told),
        ]
        for row in table.rows
    )
    return Sheet(part.sheet, headings, rows, frozenset({FAULT}))
