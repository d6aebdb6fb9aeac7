"""The rows of a file that were refused, as a workbook that is corrected and published again.

Its cells are texts as the file had them, in the order of the file; the column FAULT, which reading
passes over, says why each was refused. An empty cell stands for what is absent, null or empty.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, BinaryIO, Final

import xlsxwriter

from shuyuan_client.record_files import FAULT, Record, Schema
from shuyuan_client.wording import say

# What a sheet holds of a cell, and what this program holds of rows.
CELL_MAX: Final = 32_767
ROWS_MAX: Final = 100_000
TOLD_MAX: Final = 300
NO_CHARACTERS: Final = frozenset("\ufffe\uffff")
WIDTH, FAULT_WIDTH = 20, 60


@dataclass(slots=True)
class FaultBook:
    """Gathers refused rows; `omitted` are the lines of those that no workbook can hold."""

    schema: Schema = field(default_factory=dict)
    rows: list[tuple[int, Mapping[str, str], str]] = field(default_factory=list)
    omitted: list[int] = field(default_factory=list)

    def add(self, record: Record, reason: str) -> None:
        cells, said = _cells(record), reason
        if cells is None:
            cells, said = {}, f"{reason}；{_as_it_stands(record)}"
        if len(self.rows) >= ROWS_MAX or not _fits(cells):
            self.omitted.append(record.line)
        else:
            self.rows.append((record.line, cells, said[:CELL_MAX]))

    def write(self, stream: BinaryIO) -> None:
        """Write the workbook; nothing of it passes through a file of another place."""
        # What the file itself has wrong is found before the batch that it would be in is refused.
        self.rows.sort(key=itemgetter(0))
        with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
            sheet = book.add_worksheet("错误行")
            # A text stays what it is, also what is typed into it: no dates, no numbers cut.
            text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True})
            names = self._names()
            sheet.set_column(0, len(names) - 1, WIDTH, text)
            sheet.set_column(len(names), len(names), FAULT_WIDTH)
            sheet.freeze_panes(1, 0)
            for column, heading in enumerate([*self._headings(names), FAULT]):
                sheet.write_string(0, column, heading, bold)
            for row, (_line, cells, reason) in enumerate(self.rows, 1):
                for column, name in enumerate(names):
                    if cells.get(name, ""):
                        sheet.write_string(row, column, cells[name], text)
                sheet.write_string(row, len(names), reason)

    def _names(self) -> list[str]:
        """Return the items as the file has them, behind them those that it lacks."""
        properties = self.schema.get("properties", {})
        return list(
            dict.fromkeys([*(name for _line, cells, _ in self.rows for name in cells), *properties])
        )

    def _headings(self, names: list[str]) -> Iterator[str]:
        """Yield labels where they name one item, else names."""
        properties: Mapping[str, Any] = self.schema.get("properties", {})
        labels = [str(item.get("title", name)) for name, item in properties.items()]
        for name in names:
            label = str(properties.get(name, {}).get("title", name))
            taken = labels.count(label) > 1 or (label != name and label in names)
            yield name if taken or label in ("", FAULT) or label != label.strip() else label


def _cells(record: Record) -> Mapping[str, str] | None:
    """Return the cells of a record by item; None of what is no object of JSON."""
    if record.cells is not None:
        return record.cells
    try:
        found = json.loads(record.text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    return (
        {name: _cell(value) for name, value in found.items()} if isinstance(found, dict) else None
    )


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _as_it_stands(record: Record) -> str:
    text = record.text[:TOLD_MAX].decode(errors="replace")
    return say(f"原文：{text}", f"as it stands: {text}")


def _fits(cells: Mapping[str, str]) -> bool:
    """Whether a sheet holds the cells as they are, and their names."""
    return all(_is_text(each) for cell in cells.items() for each in cell)


def _is_text(text: str) -> bool:
    """Whether XML holds the text, and a cell all of it."""
    try:
        units = len(text.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return False
    return units <= CELL_MAX and not NO_CHARACTERS & set(text)
