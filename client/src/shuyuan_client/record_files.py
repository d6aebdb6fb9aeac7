"""Records in a file: NDJSON, a JSON array, CSV or XLSX, each with its line."""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from shuyuan_client import xlsx
from shuyuan_client.cells import Conversions, is_cut, value_of
from shuyuan_client.failures import Failure, unusable_file

BOM = b"\xef\xbb\xbf"
# Marks at the beginning of a file, the longer ones first, and what follows them.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CELL_MAX = 4 * 1024 * 1024
# A line that is longer fits into no request; one without an end would take all the memory.
LINE_MAX = 8 * 1024 * 1024
# A JSON array is read whole.
JSON_BYTES_MAX = 512 * 1024 * 1024
# The column that a workbook of refused rows adds (fault_book.py): it is no item, and passed over.
FAULT = "错误原因"

Schema = Mapping[str, Any]


class Format(StrEnum):
    NDJSON = "ndjson"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


SUFFIXES = {".csv": Format.CSV, ".json": Format.JSON, ".xlsx": Format.XLSX}
TABLES = frozenset({Format.CSV, Format.XLSX})


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a line of JSON; `line` is where the file has it, `end` the byte after it.

    `cells` are those of its row, by item, as a table has them.
    """

    line: int
    text: bytes
    end: int
    cells: Mapping[str, str] | None = None


# Told of a row that cannot be a record, and why.
OnFault = Callable[[Record, Failure], None]


class RowFault(Failure):
    """One row of a table is wrong; the others may be right."""


def format_of(path: Path) -> Format:
    return SUFFIXES.get(path.suffix.lower(), Format.NDJSON)


def read(
    path: Path,
    kind: Format,
    *,
    encoding: str,
    schema: Schema | None,
    told: Conversions | None = None,
    on_fault: OnFault | None = None,
) -> Iterator[Record]:
    """Yield the records of a file; raises Failure where the file is not what it should be.

    `told` gathers what is written otherwise than the cells of a table have it. With `on_fault` a
    row that is wrong is told and left out.
    """
    properties = (schema or {}).get("properties", {})
    told = told or Conversions()
    try:
        if kind is Format.NDJSON:
            yield from _ndjson(path)
        elif kind is Format.JSON:
            yield from _json(_whole(path).removeprefix(BOM))
        elif kind is Format.XLSX:
            end = path.stat().st_size
            rows = ((*row, end) for row in xlsx.rows(path))
            yield from _table(rows, properties, told, on_fault)
        else:
            yield from _csv(path, encoding, properties, told, on_fault)
    except OSError as error:
        raise unusable_file(str(path), error) from error


def _ndjson(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        end = 0
        for line, raw in enumerate(iter(lambda: stream.readline(LINE_MAX + 1), b""), 1):
            _require_short(len(raw), line)
            end += len(raw)
            text = raw.removeprefix(BOM) if line == 1 else raw
            yield Record(line, text.rstrip(b"\r\n"), end)


def _require_short(size: int, line: int) -> None:
    if size > LINE_MAX:
        raise Failure(
            f"文件第 {line} 行超过 8 MiB 仍未结束：不是记录文件，或缺少换行；自此行起未发送。",
            f"Line {line} of the file has no end within 8 MiB: this is no file of records, or its "
            "line breaks are missing; from this line on nothing was sent.",
        )


def _whole(path: Path) -> bytes:
    """Return the content of a file; raises Failure for what is too large to be read at once."""
    with path.open("rb") as stream:
        raw = stream.read(JSON_BYTES_MAX + 1)
    if len(raw) > JSON_BYTES_MAX:
        raise Failure(
            "JSON 数组文件超过 512 MiB，不能整体读入；请改为 NDJSON（每行一条记录）。",
            "An array of JSON over 512 MiB is not read at once: make it NDJSON, a record a line.",
        )
    return raw


def _json(raw: bytes) -> Iterator[Record]:
    try:
        text = raw.decode()
        for start, end in _elements(text):
            # Outside strings a line break is white space, inside it is not allowed.
            element = re.sub(r"[\r\n]+", " ", text[start:end]).encode()
            line = text.count("\n", 0, start) + 1
            yield Record(line, element, len(raw) * end // max(len(text), 1))
    except UnicodeDecodeError as error:
        raise _not_text("UTF-8") from error
    except RecursionError as error:
        raise Failure(
            "文件中的 JSON 嵌套过深；记录应为一层的对象。",
            "The JSON of the file is nested too deeply: records are flat objects.",
        ) from error
    except json.JSONDecodeError as error:
        raise Failure(
            f"文件第 {error.lineno} 行第 {error.colno} 列不是合法的 JSON；请更正后重试。",
            f"Line {error.lineno}, column {error.colno} of the file is not JSON; correct it.",
        ) from error


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each element of an array, or the one object, begins and ends."""
    # Numbers are not read, only found: one may have more digits than Python turns into a number.
    decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
    place = _skip(text, 0)
    if not text.startswith("[", place):
        _value, end = decode(text, place)
        _expect_end(text, end)
        yield place, end
        return
    place = _skip(text, place + 1)
    while not text.startswith("]", place):
        _value, end = decode(text, place)
        yield place, end
        place = _skip(text, end)
        if text.startswith(",", place):
            place = _skip(text, place + 1)
        elif not text.startswith("]", place):
            raise json.JSONDecodeError("expected , or ]", text, place)
    _expect_end(text, place + 1)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _expect_end(text: str, place: int) -> None:
    if _skip(text, place) < len(text):
        raise json.JSONDecodeError("more than one value", text, place)


def _csv(
    path: Path, encoding: str, properties: Schema, told: Conversions, on_fault: OnFault | None
) -> Iterator[Record]:
    with path.open("rb") as stream:
        decoded, encoding = _decoding(stream, encoding)
        lines = _Lines(decoded, stream)
        csv.field_size_limit(CELL_MAX)
        try:
            rows = _numbered(csv.reader(lines, strict=True), lines)
            yield from _table(rows, properties, told, on_fault)
        except UnicodeError as error:
            raise _not_text(encoding) from error
        except csv.Error as error:
            raise Failure(
                f"文件第 {lines.count} 行不是合法的 CSV：{error}；请更正后重试。",
                f"Line {lines.count} of the file is not CSV: {error}; correct it, then retry.",
            ) from error


def _numbered(rows: Iterable[list[str]], lines: "_Lines") -> Iterator[tuple[int, list[str], int]]:
    """Yield each row with the line that it begins in, and the byte after it."""
    line = 1
    for row in rows:
        yield line, row, lines.end
        line = lines.count + 1


def _decoding(stream: io.BufferedReader, encoding: str) -> tuple[io.TextIOWrapper, str]:
    """Decode a file as its mark says, else as was asked, as a stream and not line by line."""
    if not _is_of_text(encoding):
        raise Failure(
            f"不认识编码 {encoding}；常用的有 utf-8、gb18030、utf-16。",
            f"The encoding {encoding} is not known; common ones are utf-8, gb18030, utf-16.",
        )
    beginning = stream.peek(max(len(mark) for mark, _ in MARKS))
    for mark, marked in MARKS:
        if beginning.startswith(mark):
            stream.read(len(mark))
            return io.TextIOWrapper(stream, marked, newline=""), marked
    return io.TextIOWrapper(stream, encoding, newline=""), encoding


def _is_of_text(encoding: str) -> bool:
    """Whether the name is one of an encoding of text; Python knows others, such as base64."""
    try:
        return isinstance("".encode(encoding), bytes) and b"".decode(encoding) == ""
    except (LookupError, ValueError):
        return False


class _Lines:
    """The lines of a text file, which knows how far it has been read."""

    def __init__(self, text: io.TextIOWrapper, stream: io.BufferedReader) -> None:
        self._text, self._stream = text, stream
        self.count = 0
        self.end = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LINE_MAX + 1)
        if not line:
            raise StopIteration
        self.count += 1
        _require_short(len(line), self.count)
        # What is buffered has been read ahead: the place is that of the end of a block.
        self.end = self._stream.tell()
        return line


def _table(
    rows: Iterable[tuple[int, list[str], int]],
    properties: Schema,
    told: Conversions,
    on_fault: OnFault | None,
) -> Iterator[Record]:
    """Yield a record for each row behind the headings that holds anything."""
    header: list[str | None] | None = None
    for line, row, end in rows:
        if header is None:
            header = _names(row, properties)
            continue
        cells = {name: cell for name, cell in zip(header, row, strict=False) if name is not None}
        if not any(cells.values()) and not any(row[len(header) :]):
            continue
        try:
            _require_narrow(row, header, line)
            yield Record(line, _of_row(cells, properties, line, told), end, cells)
        except RowFault as fault:
            if on_fault is None:
                raise
            on_fault(Record(line, b"", end, cells), fault)
    if header is None:
        _names([], properties)


def _names(header: list[str], properties: Schema) -> list[str | None]:
    """Return the items that the headings name, by their names or their labels; None for FAULT."""
    labels: dict[str, list[str]] = {}
    for name, item in properties.items():
        labels.setdefault(str(item.get("title", name)), []).append(name)
    trimmed = [each.strip() for each in header]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    names: list[str | None] = []
    unknown = []
    for heading in trimmed:
        found = [heading] if heading in properties else labels.get(heading, [])
        if not found and heading == FAULT:
            names.append(None)
            continue
        names += found[:1]
        unknown += [] if len(found) == 1 else [heading]
    known = [name for name in names if name is not None]
    if unknown or not known:
        raise _unknown_columns(unknown, properties)
    doubled = sorted({name for name in known if known.count(name) > 1})
    if doubled:
        raise Failure(
            f"首行有重复的列：{'、'.join(doubled)}；请删去多余的列后重试。",
            f"The first line has columns twice: {', '.join(doubled)}; remove one of them.",
        )
    return names


def _unknown_columns(unknown: list[str], properties: Schema) -> Failure:
    told = ", ".join(each or "（空）" for each in unknown) or "-"
    known = ", ".join(
        f"{name}（{item['title']}）" if "title" in item else name
        for name, item in properties.items()
    )
    return Failure(
        f"首行须为信息项的名称或中文名：{told} 不在数据契约中；可用的有 {known}。",
        f"The first line must name items: {told} are not in the contract, which has {known}.",
    )


def _require_narrow(row: list[str], header: list[str | None], line: int) -> None:
    surplus = row[len(header) :]
    if any(surplus):
        told = ", ".join(cell for cell in surplus if cell)
        raise RowFault(
            f"文件第 {line} 行有 {len(row)} 列，首行只有 {len(header)} 列，多出 {told}；请更正。",
            f"Line {line} of the file has {len(row)} columns, the header {len(header)}: {told} is "
            "too many.",
        )


def _of_row(cells: Mapping[str, str], properties: Schema, line: int, told: Conversions) -> bytes:
    record = {}
    for name, cell in cells.items():
        if cell == "":
            continue
        if is_cut(cell, properties[name]):
            raise RowFault(
                f"文件第 {line} 行“{name}”为 {cell}：长数字已被 Excel 截断，末尾各位已丢失；"
                "请从原系统重新导出，并把该列设为文本。",
                f"Line {line}, {name}: {cell} is a number that Excel has cut; export it anew, "
                "with that column as text.",
            )
        record[name] = value_of(name, cell, properties[name], line, told)
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _not_text(encoding: str) -> Failure:
    return Failure(
        f"文件不是 {encoding} 编码；CSV 可用 --encoding gb18030，其他文件请先转换为 UTF-8。",
        f"The file is not {encoding}; use --encoding gb18030 for CSV, convert others to UTF-8.",
    )
