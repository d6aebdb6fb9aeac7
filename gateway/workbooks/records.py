"""From sheets that people upload (CSV, XLSX; headings by label or name) to records; pure.

Every conversion is counted, to be told before anything is stored; what cannot be converted stands
as it is, and the contract says what is wrong with it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from catalog.contracts.model import Contract, DataType, Field
from kernel.clock import SHANGHAI
from kernel.errors import FieldError, Invalid
from kernel.workbooks import reading
from kernel.workbooks.packed import Bounds

ROWS_MAX: Final = 10_000
UNPACKED_MAX: Final = 64 * 1024 * 1024
JOB_ROWS_MAX: Final = 100_000
JOB_UNPACKED_MAX: Final = 512 * 1024 * 1024
# What a workbook that came back with its faults has beside the items.
FAULT: Final = "错误原因"
# What stands behind a heading of the template where the item is mandatory.
REQUIRED_MARK: Final = "*"
# A number in a cell has 15 exact digits.
EXACT: Final = 10**15
# What has more digits is left as it stands, for the contract to refuse.
DIGITS_MAX: Final = 60
YES: Final = frozenset({"是", "true", "TRUE", "True", "1", "Y", "y"})
NO: Final = frozenset({"否", "false", "FALSE", "False", "0", "N", "n"})
_DATE: Final = re.compile(r"(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?", re.ASCII)
_DIGITS: Final = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_WHOLE: Final = re.compile(r"([+-]?\d{1,30})\.0+", re.ASCII)

Cell = Any
Mapped = Mapping[str, str | None]
"""Items by the headings that stand for them; None for a column that is left out."""


class HeadingsMisfit(Invalid):
    """The headings do not say which column is which item; `titles` are those of the file."""

    def __init__(self, titles: Sequence[str], errors: Sequence[FieldError]) -> None:
        zh = "标题行与目录不符"
        super().__init__(zh, "The headings do not fit the entry", errors=errors)
        self.titles = list(dict.fromkeys(title for title in titles if title))


class TooManyRows(Invalid):
    """The file has more rows than are taken at once."""

    def __init__(self, rows_max: int) -> None:
        super().__init__(f"一次最多 {rows_max} 行，请分批上报", f"At most {rows_max} rows at once")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be: rows of data, and bytes once a workbook is unpacked."""

    rows: int = ROWS_MAX
    unpacked: int = UNPACKED_MAX

    @property
    def bounds(self) -> Bounds:
        """As many rows and columns as a spreadsheet has: the cells bound them together."""
        return Bounds(rows=2**20, columns=2**14, unpacked=self.unpacked, formulas=True)


USUAL: Final = Limits()
OF_JOBS: Final = Limits(JOB_ROWS_MAX, JOB_UNPACKED_MAX)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Records as lines, the row of each in the file, and how often each conversion was made.

    `heading` and `cells` are what the file itself holds, the cells of a record beside its line.
    """

    lines: Sequence[bytes]
    rows: Sequence[int]
    conversions: Mapping[str, int]
    errors: Sequence[FieldError]
    heading: Sequence[str] = ()
    cells: Sequence[Sequence[Cell]] = ()


@dataclass(slots=True)
class _Converter:
    """Turns cells into values of a contract."""

    made: Counter[str] = field(default_factory=Counter)

    def value(self, cell: Cell, item: Field) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(cell, datetime | date | time):
            return self._moment(cell, item)
        convert = {
            DataType.BOOLEAN: self._boolean,
            DataType.INTEGER: self._integer,
            DataType.DECIMAL: self._decimal,
            DataType.DATE: self._date,
        }.get(item.data_type, self._text)
        return convert(cell)

    def _text(self, cell: Cell) -> str:
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if isinstance(cell, float | int):
            self.made["number_to_text"] += 1
            return str(int(cell)) if float(cell).is_integer() else repr(cell)
        return str(cell).strip()

    def _moment(self, cell: datetime | date | time, item: Field) -> str:
        self.made["cell_to_date"] += 1
        if item.data_type is DataType.DATETIME and isinstance(cell, datetime):
            return cell.replace(tzinfo=SHANGHAI).isoformat()
        return cell.date().isoformat() if isinstance(cell, datetime) else cell.isoformat()

    def _boolean(self, cell: Cell) -> Any:  # noqa: ANN401
        text = str(cell).strip()
        if isinstance(cell, bool):
            return cell
        if text in YES | NO:
            self.made["yes_no"] += 1
            return text in YES
        return text

    def _integer(self, cell: Cell) -> Any:  # noqa: ANN401
        text = repr(cell) if isinstance(cell, float) else str(cell).strip()
        match = _WHOLE.fullmatch(text)
        if match:
            self.made["whole_number"] += 1
            text = match[1]
        return orjson.Fragment(str(int(text))) if _DIGITS.fullmatch(text) else text

    def _decimal(self, cell: Cell) -> Any:  # noqa: ANN401
        text = repr(cell) if isinstance(cell, float) else str(cell).strip()
        try:
            number = Decimal(text)
        except InvalidOperation:
            return text
        sane = number.is_finite() and abs(number.adjusted()) <= DIGITS_MAX
        return orjson.Fragment(format(number, "f")) if sane else text

    def _date(self, cell: Cell) -> str:
        text = self._text(cell)
        match = _DATE.fullmatch(text)
        if match is None:
            return text
        plain = f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}"
        if plain != text:
            self.made["date_written_anew"] += 1
        return plain


def read(
    content: bytes,
    name: str,
    contract: Contract,
    mapping: Mapped | None = None,
    limits: Limits = USUAL,
    remembered: Mapped | None = None,
) -> Sheet:
    """Return the records of a file; raises Invalid where it, or its headings, cannot be read.

    All of `mapping` has to fit the file, of what is `remembered` only what does is used.
    """
    titles, rows = opened(content, name, limits)
    said = {**fitting(titles, contract, remembered or {}), **(mapping or {})}
    return _records(titles, columns(titles, contract, said), rows, limits.rows)


def opened(
    content: bytes, name: str, limits: Limits = USUAL
) -> tuple[Sequence[str], Iterator[Sequence[Cell]]]:
    """Return the headings of a file and the rows below them; raises Invalid."""
    is_book = name.lower().endswith(".xlsx")
    rows = _xlsx(content, limits) if is_book else reading.csv_rows(content)
    heading = next(rows, None)
    if not heading:
        raise Invalid("文件中没有标题行", "The file has no row of headings")
    return [str(cell if cell is not None else "").strip() for cell in heading], rows


def fitting(titles: Sequence[str], contract: Contract, said: Mapped) -> dict[str, str | None]:
    """Return what was said of headings that the file has, by items that there still are."""
    names = {None, *(item.name for item in contract.fields)}
    return {title: said[title] for title in titles if title in said and said[title] in names}


def recognised(contract: Contract) -> dict[str, Field | None]:
    """Return what headings stand for by themselves: labels, names, and both marked mandatory."""
    known: dict[str, Field | None] = {
        f"{text}{REQUIRED_MARK}": item
        for item in contract.fields
        for text in (item.name, item.label)
    }
    known |= {item.label: item for item in contract.fields}
    return known | {FAULT: None, "": None} | {item.name: item for item in contract.fields}


def columns(titles: Sequence[str], contract: Contract, mapping: Mapped) -> list[Field | None]:
    """Return the item of each column, None for one that stands for none; raises HeadingsMisfit."""
    by_name = {item.name: item for item in contract.fields}
    known = recognised(contract)
    errors = list(_unfit(titles, mapping, by_name))
    known |= {title: by_name.get(item or "") for title, item in mapping.items()}
    found, seen = list[Field | None](), dict[str, str]()
    for title in titles:
        item = known.get(title)
        if title not in known:
            told = f"目录中没有信息项“{title[:64]}”", f"there is no item {title[:64]}"
            errors.append(FieldError(title[:64], "unknown_item", *told))
        elif item is not None and item.name in seen:
            errors.append(_twice(title, seen[item.name], item))
        if item is not None:
            seen[item.name] = title
        found.append(item)
    missing = [item for item in contract.fields if item.mandatory and item.name not in seen]
    errors += [FieldError(each.label, "missing", "缺少这一列", "is missing") for each in missing]
    if errors:
        raise HeadingsMisfit(titles, errors)
    return found


def _twice(title: str, before: str, item: Field) -> FieldError:
    if title == before:
        return FieldError(title[:64], "duplicate_key", "标题重复", "stands twice")
    zh = f"与“{before[:64]}”对应同一信息项“{item.label}”，只能保留一列"
    en = f"stands for the same item as {before[:64]} ({item.name}): keep one of them"
    return FieldError(title[:64], "duplicate_key", zh, en)


def _unfit(
    titles: Sequence[str], mapping: Mapped, by_name: Mapping[str, Field]
) -> Iterator[FieldError]:
    """Yield what is wrong with a mapping: a heading that is not there, an item that is not."""
    for title, item in mapping.items():
        if title not in titles:
            told = "文件中没有这个标题", "the file has no such heading"
            yield FieldError(f"mapping.{title[:64]}", "unknown_item", *told)
        if item is not None and item not in by_name:
            told = f"目录中没有信息项“{item[:64]}”", f"there is no item {item[:64]}"
            yield FieldError(f"mapping.{title[:64]}", "unknown_item", *told)


def _records(
    titles: Sequence[str],
    columns: Sequence[Field | None],
    rows: Iterator[Sequence[Cell]],
    rows_max: int,
) -> Sheet:
    converter, lines, places = _Converter(), list[bytes](), list[int]()
    errors, kept = list[FieldError](), list[Sequence[Cell]]()
    for place, cells in enumerate(rows, start=2):
        record = {
            item.name: converter.value(cell, item)
            for item, cell in zip(columns, cells, strict=False)
            if item is not None and not _empty(cell)
        }
        if not record:
            continue
        if len(lines) >= rows_max:
            raise TooManyRows(rows_max)
        errors += _cut(columns, cells, place)
        lines.append(orjson.dumps(record))
        places.append(place)
        kept.append(cells)
    if not lines:
        raise Invalid("文件中没有数据", "The file holds no records")
    return Sheet(lines, places, dict(converter.made), errors, titles, kept)


def _cut(
    columns: Sequence[Field | None], cells: Sequence[Cell], place: int
) -> Iterator[FieldError]:
    """Yield numbers that the spreadsheet has cut to 15 digits: an identity number, say."""
    for item, cell in zip(columns, cells, strict=False):
        if item and item.textual and isinstance(cell, float | int) and abs(cell) >= EXACT:
            yield FieldError(
                item.label,
                "out_of_range",
                "数字超过 15 位，表格软件已截断；请把该列设为文本后重新填写",
                "has more than 15 digits, which the spreadsheet has cut: make the column text",
                index=place,
            )


def _empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _xlsx(content: bytes, limits: Limits) -> Iterator[Sequence[Cell]]:
    with reading.workbook(content, limits.bounds) as book:
        return iter(book.get_sheet_by_index(0).to_python(nrows=limits.rows + 2))


def text_of(cell: Cell) -> str:
    """Return a cell as it is written into a workbook of texts."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < EXACT:
        return str(int(cell))
    return str(cell)
