"""What an XLSX file is looked at for before a reader unpacks it: its size, formulas, far cells.

A file of a few kilobytes may unpack to gigabytes, and one cell in the last row makes a reader lay
out seventeen billion. Both are counted while the parts are unpacked in pieces. Cells are found by a
parser of XML, in every part: readers find sheets wherever the book names them, and a search for how
programs write a cell passes over how else it may be written.
"""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final
from xml.parsers import expat

from kernel.errors import Invalid, Text

PARTS_MAX: Final = 1_000
CELLS_MAX: Final = 8_000_000
PIECE: Final = 1024 * 1024
LAST: Final = True
LETTERS: Final = 26
# Each way of packing complains in its own.
DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
)
# Encodings that nobody knows, or that the parser does not, are told by the last two.
NO_XML: Final = (expat.ExpatError, LookupError, ValueError)
# The ends of the names of elements that are looked at; most are of values.
WATCHED: Final = ("c", "row", "f")
_PLACE: Final = re.compile(r"([A-Za-z]{1,4})(\d{1,8})", re.ASCII)
_ROW: Final = re.compile(r"\d{1,8}", re.ASCII)
# What a part has to hold for a reader to find a cell in it.
_CELLS: Final = b"sheetData"


class Unreadable(Invalid):
    """The file as a whole cannot be taken."""

    code = "file_unreadable"
    title = Text("文件无法读取", "The file cannot be read")


class Oversized(Unreadable):
    """The file may be right, and is beyond the bounds that it was to be read within."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is taken; `formulas` says whether a cell may hold one."""

    rows: int
    columns: int
    unpacked: int
    formulas: bool = False


def look(content: bytes, bounds: Bounds) -> None:
    """Raise Unreadable for what is no XLSX file, or beyond its bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            _look(packed, bounds)
    except DAMAGED as error:
        raise damaged() from error


def _look(packed: zipfile.ZipFile, bounds: Bounds) -> None:
    names = packed.namelist()
    if len(names) > PARTS_MAX or len(set(names)) < len(names):
        raise _too_large()
    unpacked = 0
    for name in names:
        cells, before = _Cells(bounds), b""
        with packed.open(name) as part:
            for piece in _pieces(part):
                unpacked += len(piece)
                if unpacked > bounds.unpacked:
                    raise _too_large()
                cells.feed(piece, before)
                before = piece[-len(_CELLS) :]
        cells.end()


def _pieces(part: IO[bytes]) -> Iterator[bytes]:
    while piece := part.read(PIECE):
        yield piece


class _Cells:
    """How far the cells of one part reach; a part that is no XML, like a picture, has none."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._parser: expat.XMLParserType | None = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begin
        self._parser.StartDoctypeDeclHandler = _refuse_document_type
        self._rows = self._columns = 0
        self._row, self._column, self._place = 0, 0, ""
        # What was read once is not read for every cell: `A` of a place, `c` of a name.
        self._letters: dict[str, int] = {}
        self._row_text = ""

    def feed(self, piece: bytes, before: bytes) -> None:
        """Take a piece in; raises Unreadable."""
        if self._parser is None:
            # A reader that is less strict would go on.
            if _CELLS in before + piece:
                raise damaged()
            return
        try:
            self._parser.Parse(piece)
        except NO_XML as error:
            self._parser = None
            if self._rows or _CELLS in before + piece:
                raise damaged() from error
        self._require_bounds()

    def end(self) -> None:
        """Raise Unreadable for a part that is cut short amid its cells."""
        if self._parser is not None:
            try:
                self._parser.Parse(b"", LAST)
            except NO_XML as error:
                if self._rows:
                    raise damaged() from error
            self._require_bounds()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if not name.endswith(WATCHED):
            return
        kind = name.rpartition(" ")[2]
        if kind == "c":
            self._take(attributes.get("r"))
        elif kind == "row":
            told = attributes.get("r")
            if told is not None and _ROW.fullmatch(told) is None:
                raise damaged()
            self._row = self._row + 1 if told is None else int(told)
            self._row_text = told or ""
            self._rows, self._column = max(self._rows, self._row), 0
        elif kind == "f" and self._place and not self._bounds.formulas:
            raise Unreadable(
                f"单元格 {self._place} 含有公式；请将公式“选择性粘贴”为数值后再导入",
                f"Cell {self._place} holds a formula: paste its value instead",
            )

    def _take(self, told: str | None) -> None:
        """Note a cell, by the place that it names, or behind the one before."""
        if told is None:
            self._column += 1
            self._place = f"{self._row}:{self._column}"
        else:
            self._place = told
            letters = told.rstrip("0123456789")
            column = self._letters.get(letters)
            if column is None or told[len(letters) :] != self._row_text:
                column = self._read(told)
            self._column = column
        self._columns = max(self._columns, self._column)

    def _read(self, told: str) -> int:
        """Return the column of a place, and note its row; raises Unreadable."""
        place = _PLACE.fullmatch(told)
        if place is None:
            raise damaged()
        self._rows = max(self._rows, int(place[2]))
        column = self._letters[place[1]] = _column(place[1].upper())
        return column

    def _require_bounds(self) -> None:
        bounds = self._bounds
        is_far = self._rows > bounds.rows or self._columns > bounds.columns
        if is_far or self._rows * self._columns > CELLS_MAX:
            raise _too_large()


def _refuse_document_type(*_declared: object) -> None:
    """No part of a workbook declares one: what it defines may grow without end."""
    raise damaged()


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * LETTERS + ord(letter) - ord("A") + 1
    return number


def damaged() -> Unreadable:
    """The refusal of what is no workbook, with what to do about it."""
    return Unreadable(
        "文件不是 XLSX 工作簿，或已损坏、已加密；"
        "请用 Excel 或 WPS 打开，另存为 .xlsx（不设密码）后再选择",
        "The file is no XLSX workbook, is damaged or has a password: open it in Excel or WPS and "
        "save it as .xlsx without a password",
    )


def _too_large() -> Oversized:
    return Oversized(
        "工作簿展开后过大：行、列或内容超过上限（工作表末尾的空白格式也计算在内，请删除）",
        "The workbook is too large once unpacked; formatted empty cells at the end count too",
    )
