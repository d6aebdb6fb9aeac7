"""Tables of a file that somebody filled in: XLSX, or CSV in UTF-8, UTF-16 or GBK.

A cell is given as its text. What Excel has made of a text on the way is undone where that is
certain (450000.0 is 450000) and told where it is not: a number of 16 digits has lost its last ones.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetVisibleEnum,
)

from kernel.workbooks import packed
from kernel.workbooks.packed import Bounds, Unreadable

ROWS_MAX: Final = 100_000
BOUNDS: Final = Bounds(rows=ROWS_MAX + 1, columns=256, unpacked=512 * 1024 * 1024)
CELL_MAX: Final = 32_767
# Digits that a cell of numbers holds.
DIGITS: Final = 15
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
CSV_NAME: Final = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` as it stands; `number` where it was a cell of numbers, `fault` where it was spoilt."""

    text: str
    number: bool = False
    fault: str = ""


EMPTY: Final = Cell("")


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is the line in the sheet, from 1, the header's included."""

    number: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)


def tables(content: bytes, sheets: Sequence[str], *, is_csv: bool) -> dict[str, Table]:
    """Return the sheets by name, of a CSV file the one under CSV_NAME; raises Unreadable."""
    return {CSV_NAME: _csv(content)} if is_csv else _xlsx(content, sheets)


@contextmanager
def workbook(content: bytes, bounds: Bounds) -> Iterator[CalamineWorkbook]:
    """Open an XLSX file within its bounds; raises Unreadable, also for what is read of it."""
    packed.look(content, bounds)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            yield book
    except (CalamineError, ValueError, IndexError) as error:
        raise packed.damaged() from error


def _xlsx(content: bytes, sheets: Sequence[str]) -> dict[str, Table]:
    with workbook(content, BOUNDS) as book:
        visible = {each.name: each.visible for each in book.sheets_metadata}
        for name in sheets:
            _require_shown(name, visible)
        return {name: _sheet(name, book.get_sheet_by_name(name)) for name in sheets}


def _require_shown(name: str, visible: Mapping[str, SheetVisibleEnum]) -> None:
    if name not in visible:
        raise Unreadable(f"缺少工作表“{name}”", f"The sheet {name} is missing")
    if visible[name] != SheetVisibleEnum.Visible:
        raise Unreadable(
            f"工作表“{name}”已隐藏；请取消隐藏并核对后再导入",
            f"The sheet {name} is hidden: show it, and look at it, first",
        )


def _sheet(name: str, sheet: CalamineSheet) -> Table:
    merged = sheet.merged_cell_ranges
    if merged:
        (row, column), _ = merged[0]
        raise Unreadable(
            f"工作表“{name}”第 {row + 1} 行第 {column + 1} 列有合并单元格，请先取消合并",
            f"Sheet {name} has merged cells at row {row + 1}, column {column + 1}: unmerge them",
        )
    first = sheet.start[0] if sheet.start else 0
    values = enumerate(sheet.to_python(skip_empty_area=True), first + 1)
    return _table(name, ((number, [_cell(each) for each in row]) for number, row in values))


def _csv(content: bytes) -> Table:
    rows = enumerate(csv_rows(content), 1)
    return _table("CSV", ((number, [Cell(each) for each in row]) for number, row in rows))


def csv_rows(content: bytes) -> Iterator[Sequence[str]]:
    """Yield the rows of a CSV file; raises Unreadable where they are not well formed."""
    lines = csv.reader(io.StringIO(_text(content), newline=""), strict=True)
    try:
        yield from lines
    except csv.Error as error:
        raise Unreadable(
            f"CSV 第 {lines.line_num} 行格式不正确（引号或单元格过长）",
            f"Line {lines.line_num} of the CSV is not well formed",
        ) from error


def _text(content: bytes) -> str:
    """Decode by the mark at the beginning; without one UTF-8, else GBK (GB 18030)."""
    marked = [encoding for mark, encoding in _BOMS if content.startswith(mark)]
    for encoding in marked or ["utf-8", "gb18030"]:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(
        "CSV 的编码无法识别；请另存为“CSV UTF-8”",
        "The encoding of the CSV is not known: save it as UTF-8",
    )


def _table(name: str, lines: Iterable[tuple[int, Sequence[Cell]]]) -> Table:
    filled = ((number, cells) for number, cells in lines if any(each.text for each in cells))
    header = next(filled, None)
    if header is None:
        raise Unreadable(f"“{name}”没有内容", f"{name} is empty")
    columns = tuple(_label(each.text) for each in header[1])
    _require_single(name, columns)
    table = Table(tuple(column for column in columns if column))
    for number, cells in filled:
        if len(table.rows) >= ROWS_MAX:
            raise Unreadable(
                f"“{name}”超过 {ROWS_MAX:,} 行，请分批导入",
                f"{name} has over {ROWS_MAX:,} rows: split it",
            )
        table.rows.append(Row(number, dict(_named(columns, cells))))
    return table


def _label(text: str) -> str:
    """Mandatory columns are marked with a star, which is none of their name."""
    return text.strip().rstrip("*＊").strip()


def _require_single(name: str, columns: Sequence[str]) -> None:
    for column in columns:
        if column and columns.count(column) > 1:
            raise Unreadable(
                f"“{name}”中“{column}”列出现了两次", f"{name} has the column {column} twice"
            )


def _named(columns: Sequence[str], cells: Sequence[Cell]) -> Iterator[tuple[str, Cell]]:
    for place, cell in enumerate(cells):
        if not cell.text:
            continue
        column = columns[place] if place < len(columns) else ""
        if column:
            yield column, cell


def _cell(value: Any) -> Cell:  # noqa: ANN401 - calamine's union
    if isinstance(value, bool):
        return Cell("是" if value else "否")
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return Cell(value.date().isoformat() if is_day else value.isoformat())
    if isinstance(value, date | time | timedelta):
        return Cell(str(value))
    text = str(value).strip()
    return Cell(text if len(text) <= CELL_MAX else text[:CELL_MAX], fault="")


def _number(value: float) -> Cell:
    whole = value == int(value) if abs(value) < 1e300 else False  # noqa: PLR2004
    text = str(int(value)) if whole else repr(value)
    if len(text.lstrip("-").replace(".", "")) > DIGITS:
        return Cell(
            text,
            number=True,
            fault="数字超过 15 位，Excel 已截去末尾；请将单元格设为文本后重新填写",
        )
    return Cell(text, number=True)
