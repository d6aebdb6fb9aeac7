"""How a workbook is laid out: a line for each thing, and lines that belong to it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.workbooks.columns import Column, Filled, filled, labels
from kernel.errors import FieldError
from kernel.workbooks.packed import Unreadable
from kernel.workbooks.reading import CSV_NAME, EMPTY, Row, Table, tables
from kernel.workbooks.writing import Sheet

# Notes on lines of the second sheet are kept apart from those of the first.
DETAIL: Final = 10_000_000
# The columns of a workbook that comes back; one that is sent again may have them still.
DONE, FAULT, ALIKE = "处理结果", "错误原因", "可能重复"
ITEMS: Final = "items"
_INDEX: Final = re.compile(r"^items\[(\d+)\]\.?(.*)$")


@dataclass(frozen=True, slots=True)
class Part:
    """A sheet with its columns."""

    sheet: str
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class Layout:
    """`link` are the labels by which lines of `detail` name the line of `master` they belong to.

    In a CSV file both stand in one line, and lines that follow each other under one link are one.
    `compared`: what comes back tells which line carries data that somebody has already (Art 19).
    """

    name: str
    title: str
    master: Part
    detail: Part | None = None
    link: Sequence[str] = ()
    compared: bool = False

    @property
    def sheets(self) -> list[str]:
        return [part.sheet for part in (self.master, self.detail) if part is not None]


def laid_out(
    layout: Layout, own: Iterable[Sequence[str]] = (), below: Iterable[Sequence[str]] = ()
) -> Iterator[Sheet]:
    """Yield the sheets as an import reads them, with the cells of their lines."""
    for part, rows in ((layout.master, own), (layout.detail, below)):
        if part is not None:
            yield Sheet(part.sheet, [column.heading for column in part.columns], rows)


@dataclass(slots=True)
class Unit:
    """One thing of a workbook: its body, its lines, and what is wrong before it is tried."""

    row: Row
    data: dict[str, Any]
    faults: list[str]
    details: list[Row] = field(default_factory=list)
    detail_faults: dict[int, list[str]] = field(default_factory=dict)

    @property
    def is_faulty(self) -> bool:
        return bool(self.faults or self.detail_faults)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The tables as they were sent, and their units; `orphans` are lines that belong to none."""

    master: Table
    detail: Table | None
    units: list[Unit]
    orphans: list[Row]


def parse(layout: Layout, content: bytes, *, is_csv: bool) -> Parsed:
    """Read a workbook; raises Unreadable for what cannot be taken as a whole."""
    found = tables(content, layout.sheets, is_csv=is_csv)
    if is_csv:
        master, detail = _apart(layout, found[CSV_NAME])
    else:
        master = found[layout.master.sheet]
        detail = found[layout.detail.sheet] if layout.detail else None
    _require_columns(layout.master, master)
    if layout.detail is not None and detail is not None:
        _require_columns(layout.detail, detail)
    units, orphans = _joined(layout, master, detail)
    return Parsed(master, detail, units, orphans)


def _apart(layout: Layout, table: Table) -> tuple[Table, Table | None]:
    """Take the lines of a CSV file apart."""
    if layout.detail is None:
        return table, None
    own = {column.label for column in layout.master.columns}
    below = {column.label for column in layout.detail.columns} | set(layout.link)
    master = Table(tuple(name for name in table.columns if name in own))
    detail = Table(tuple(name for name in table.columns if name in below))
    before: tuple[str, ...] | None = None
    for row in table.rows:
        link = _link(layout, row)
        if link != before:
            master.rows.append(_only(row, own))
        before = link
        detail.rows.append(_only(row, below))
    return master, detail


def _only(row: Row, wanted: set[str]) -> Row:
    return Row(row.number, {name: cell for name, cell in row.cells.items() if name in wanted})


def _link(layout: Layout, row: Row) -> tuple[str, ...]:
    return tuple(row.cells.get(label, EMPTY).text for label in layout.link)


def _require_columns(part: Part, table: Table) -> None:
    known = {column.label for column in part.columns}
    missing = [c.label for c in part.columns if c.required and c.label not in table.columns]
    if missing:
        listed = "、".join(missing)
        raise Unreadable(
            f"“{part.sheet}”缺少列：{listed}；请使用模板", f"{part.sheet} lacks columns: {listed}"
        )
    own = {DONE, FAULT, ALIKE}
    unknown = [label for label in table.columns if label not in known | own]
    if unknown:
        listed = "、".join(unknown)
        raise Unreadable(
            f"“{part.sheet}”有未知的列：{listed}；请使用模板",
            f"{part.sheet} has columns that nobody knows: {listed}",
        )


def _joined(layout: Layout, master: Table, detail: Table | None) -> tuple[list[Unit], list[Row]]:
    units: list[Unit] = []
    by_link: dict[tuple[str, ...], Unit] = {}
    for row in master.rows:
        body = _checked(layout.master.columns, row)
        unit = Unit(row, body.data, [f"{label}：{fault}" for label, fault in body.faults])
        link = _link(layout, row)
        if layout.link and link in by_link:
            first = by_link[link].row.number
            unit.faults.append(f"与第 {first} 行重复：{' / '.join(link)}")
        by_link.setdefault(link, unit)
        units.append(unit)
    if detail is None or layout.detail is None:
        return units, []
    return units, list(_add_details(layout, layout.detail, detail, by_link))


def _add_details(
    layout: Layout, part: Part, detail: Table, by_link: Mapping[tuple[str, ...], Unit]
) -> Iterator[Row]:
    """Give each line to its unit; yield those that have none."""
    for row in detail.rows:
        unit = by_link.get(_link(layout, row))
        if unit is None:
            yield row
            continue
        body = _checked(part.columns, row)
        unit.details.append(row)
        unit.data.setdefault("items", []).append(body.data)
        if body.faults:
            told = [f"{label}：{fault}" for label, fault in body.faults]
            unit.detail_faults[row.number] = told


def _checked(columns: Sequence[Column], row: Row) -> Filled:
    body = filled(columns, row)
    faulty = {label for label, _fault in body.faults}
    for column in columns:
        empty = not row.cells.get(column.label, EMPTY).text
        if column.required and empty and column.label not in faulty:
            body.faults.append((column.label, "缺少必填项"))
    return body


@dataclass(slots=True)
class Verdict:
    """What is said of a unit: one text for its own line, one for each line below."""

    own: list[str] = field(default_factory=list)
    details: dict[int, list[str]] = field(default_factory=dict)

    def add(self, layout: Layout, unit: Unit, error: FieldError) -> None:
        """Put an error of the body where its cell is."""
        below = _INDEX.match(error.path)
        if below is None or layout.detail is None or int(below[1]) >= len(unit.details):
            # What is wrong with all lines of the second sheet together is told by its name.
            whole = layout.detail is not None and error.path == ITEMS
            path = layout.detail.sheet if whole and layout.detail is not None else error.path
            self.own.append(_told(layout.master.columns, path, error.sentence(english=False)))
            return
        number = unit.details[int(below[1])].number
        told = _told(layout.detail.columns, below[2], error.sentence(english=False))
        self.details.setdefault(number, []).append(told)


def _told(columns: Sequence[Column], path: str, text: str) -> str:
    path = re.sub(r"\[\d+\]", "", path)
    label = next((label for name, label in labels(columns) if name == path), path)
    return f"{label}：{text}" if label else text
