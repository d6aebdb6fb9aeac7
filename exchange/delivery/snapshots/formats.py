"""How records are written into files, piece by piece; pure but for a workbook's own folder."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import xlsxwriter

from catalog.contracts.model import DataType
from exchange.delivery.snapshots.columns import KEY, Column, Row, text_of
from kernel.errors import FieldError, Invalid
from kernel.workbooks.writing import OPTIONS, let_go, room, safe

BOM: Final = "\ufeff"
SHEET_ROWS_MAX: Final = 1_048_576
"""Rows of a worksheet, the headings' included."""
EXACT_DIGITS: Final = 15
PIECE: Final = 256 * 1024
NUMBERS: Final = frozenset({DataType.INTEGER, DataType.DECIMAL})


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


MEDIA: Final[Mapping[Format, str]] = {
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}


class TooManyRows(Invalid):
    """A worksheet has no more rows."""

    def __init__(self) -> None:
        told = (
            f"XLSX 最多 {SHEET_ROWS_MAX - 1:,} 行数据，请改用 csv 或 parquet",
            f"XLSX holds {SHEET_ROWS_MAX - 1:,} rows of data: ask for csv or parquet",
        )
        super().__init__(*told, errors=[FieldError("format", "out_of_range", *told)])


class Writer(Protocol):
    """Takes rows with their lines, and gives the bytes that are ready; `close` may come early."""

    def add(self, rows: Sequence[Row], lines: Sequence[bytes]) -> bytes: ...
    def end(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class NdjsonWriter:
    """A line a record, as a query answers it."""

    def __init__(self, _columns: Sequence[Column]) -> None:
        pass

    def add(self, _rows: Sequence[Row], lines: Sequence[bytes]) -> bytes:
        return b"".join(b"%b\n" % line for line in lines)

    def end(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        pass


class CsvWriter:
    """UTF-8 with a mark, which spreadsheets need; no cell is taken for a formula (RFC 4180)."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        self._out = io.StringIO(newline="")
        self._csv = csv.writer(self._out, lineterminator="\r\n")
        self._out.write(BOM)
        self._csv.writerow([KEY, *self._names])

    def add(self, rows: Sequence[Row], _lines: Sequence[bytes]) -> bytes:
        for row in rows:
            words = (row.values.get(name) for name in self._names)
            texts = ("" if word is None else safe(text_of(word)) for word in words)
            self._csv.writerow([safe(row.key), *texts])
        return self._taken()

    def end(self) -> Iterator[bytes]:
        yield self._taken()

    def close(self) -> None:
        self._out.close()

    def _taken(self) -> bytes:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text.encode()


class XlsxWriter:
    """One sheet, headed by labels; a number that a cell would cut is text.

    Raises StoreFull where its own folder has no room, BookTooLarge beyond what the format holds.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._folder = tempfile.TemporaryDirectory(prefix="shuyuan-xlsx-")
        self._path = Path(self._folder.name) / "book.xlsx"
        self._book = xlsxwriter.Workbook(str(self._path), {**OPTIONS, "tmpdir": self._folder.name})
        self._page = self._book.add_worksheet("数据")
        self._page.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for place, heading in enumerate([KEY, *(column.label for column in columns)]):
            self._page.write_string(0, place, safe(heading), bold)
        self._next = 1

    def add(self, rows: Sequence[Row], _lines: Sequence[bytes]) -> bytes:
        if self._next + len(rows) > SHEET_ROWS_MAX:
            raise TooManyRows
        with room():
            for row in rows:
                self._page.write_string(self._next, 0, safe(row.key))
                for place, column in enumerate(self._columns, 1):
                    word = row.values.get(column.name)
                    if word is not None:
                        self._write(place, column, word)
                self._next += 1
        return b""

    def _write(self, place: int, column: Column, word: bytes) -> None:
        text = text_of(word)
        if column.kind in NUMBERS and not word.startswith(b'"') and is_exact(text):
            self._page.write_number(self._next, place, float(text))
        elif text:
            self._page.write_string(self._next, place, safe(text))

    def end(self) -> Iterator[bytes]:
        with room():
            self._book.close()
        with self._path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def close(self) -> None:
        let_go(self._book)
        self._folder.cleanup()


def is_exact(number: str) -> bool:
    """Whether a cell of numbers holds every digit of it."""
    digits = number.lstrip("-").replace(".", "")
    return digits.isdigit() and len(digits.lstrip("0")) <= EXACT_DIGITS


def writer_of(wanted: Format, columns: Sequence[Column]) -> Writer:
    """Return the writer of a format; raises FormatNotServed where its library is not installed."""
    if wanted is Format.PARQUET:
        # Optional, and heavy: only who writes such files has it loaded.
        from exchange.delivery.snapshots.parquet import ParquetWriter  # noqa: PLC0415

        return ParquetWriter(columns)
    makers: Mapping[Format, Callable[[Sequence[Column]], Any]] = {
        Format.NDJSON: NdjsonWriter,
        Format.CSV: CsvWriter,
        Format.XLSX: XlsxWriter,
    }
    writer: Writer = makers[wanted](columns)
    return writer
