"""Workbooks that people open: row by row in constant memory, and nothing in them is a formula."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError, FileSizeError

from kernel.blob_store import FULL, StoreFull
from kernel.errors import Invalid, Text

WIDTH_MIN, WIDTH_MAX = 10, 50
LIST_ROWS: Final = 5_000
# What a cell may begin with that other programs take for a formula when it is copied on; those of
# Chinese and Japanese read the wide signs as the narrow ones (OWASP, CSV injection).
LEADS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Nothing is guessed: a text stays a text.
OPTIONS: Final[Mapping[str, Any]] = {
    "constant_memory": True,
    "strings_to_numbers": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "default_date_format": "yyyy-mm-dd",
}


class BookTooLarge(Invalid):
    """A sheet of over 4 GiB needs an extension of the format that spreadsheets may not read."""

    title = Text(
        "数据超过 XLSX 工作簿的容量，请改用 csv 或 parquet",
        "There is more than a workbook can hold: ask for csv or parquet",
    )


@dataclass(frozen=True, slots=True)
class Heading:
    """A column; `choices` are offered in a list, `note` is shown where the cell is chosen."""

    label: str
    required: bool = False
    choices: Sequence[str] = ()
    note: str = ""
    width: int = 16


@dataclass(frozen=True, slots=True)
class Sheet:
    name: str
    headings: Sequence[Heading]
    rows: Iterable[Sequence[str]] = ()
    faulty: frozenset[str] = field(default_factory=frozenset)


def safe(text: str) -> str:
    """Return the text so that no program takes it for a formula, wherever it is copied to."""
    return f"'{text}" if text.startswith(LEADS) and not _is_number(text) else text


def unsafe(text: str) -> str:
    """Return what `safe` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(LEADS) else text


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def write(sheets: Iterable[Sheet], folder: Path | None = None) -> bytes:
    """Return a workbook; rows in work lie in a folder of their own, which is gone afterwards.

    Raises StoreFull where that has no room, BookTooLarge.
    """
    with room(), tempfile.TemporaryDirectory(prefix="shuyuan-xlsx-", dir=folder) as place:
        path = Path(place) / "book.xlsx"
        book = xlsxwriter.Workbook(str(path), {**OPTIONS, "tmpdir": place})
        try:
            marks = {
                True: book.add_format({"bold": True, "bg_color": "#FCE4D6", "border": 1}),
                False: book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1}),
            }
            as_text = book.add_format({"num_format": "@"})
            as_fault = book.add_format({"num_format": "@", "font_color": "#C00000"})
            for sheet in sheets:
                _write_sheet(book, sheet, marks, as_text, as_fault)
            book.close()
        finally:
            let_go(book)
        return path.read_bytes()


@contextmanager
def room() -> Iterator[None]:
    """Tell a full disk and a book beyond its format as what they are: StoreFull, BookTooLarge."""
    try:
        yield
    except FileSizeError as error:
        raise BookTooLarge from error
    except (OSError, FileCreateError) as error:
        # The library hides why it could not write its file.
        cause = error if isinstance(error, OSError) else error.args[0]
        if isinstance(cause, OSError) and cause.errno in FULL:
            raise StoreFull from error
        raise


def let_go(book: Any) -> None:  # noqa: ANN401 - xlsxwriter has no types
    """Close the files of rows that a book given up leaves open."""
    for page in book.worksheets():
        rows = getattr(page, "row_data_fh", None)
        if rows is not None:
            with suppress(OSError):
                rows.close()


def _write_sheet(
    book: Any,  # noqa: ANN401 - xlsxwriter has no types
    sheet: Sheet,
    marks: Mapping[bool, Any],
    as_text: Any,  # noqa: ANN401
    as_fault: Any,  # noqa: ANN401
) -> None:
    page = book.add_worksheet(sheet.name)
    page.freeze_panes(1, 0)
    for column, heading in enumerate(sheet.headings):
        fault = heading.label in sheet.faulty
        page.set_column(column, column, heading.width, as_fault if fault else as_text)
        if heading.choices:
            options = {"validate": "list", "source": list(heading.choices)}
            page.data_validation(1, column, LIST_ROWS, column, options)
    for column, heading in enumerate(sheet.headings):
        label = f"{heading.label}*" if heading.required else heading.label
        page.write_string(0, column, label, marks[heading.required])
    for number, row in enumerate(sheet.rows, 1):
        for column, text in enumerate(row):
            if text:
                page.write_string(number, column, safe(text))
