"""What an XLSX file is looked at for before a reader unpacks it: its size, formulas, far cells.

A file of a few kilobytes may unpack to gigabytes, and one cell in the last row makes a reader lay
out seventeen billion. Both are counted while the parts are unpacked in pieces.
"""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from kernel.errors import Invalid, Text

PARTS_MAX: Final = 1_000
CELLS_MAX: Final = 8_000_000
PIECE: Final = 1024 * 1024
# Longer than the tag of any cell that is looked for.
OVERLAP: Final = 256
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
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml")
_CELL: Final = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,4})(\d{1,8})"')
_FORMULA: Final = re.compile(
    rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,4}\d{1,8})"[^>]*>\s*<(?:\w+:)?f[\s/>]'
)


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


@dataclass(slots=True)
class _Extent:
    rows: int = 0
    columns: int = 0


def look(content: bytes, bounds: Bounds) -> None:
    """Raise Unreadable for what is no XLSX file, or beyond its bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            _look(packed, bounds)
    except DAMAGED as error:
        raise Unreadable(
            "文件不是 XLSX 工作簿，或已损坏、已加密",
            "The file is no XLSX workbook, is damaged or has a password",
        ) from error


def _look(packed: zipfile.ZipFile, bounds: Bounds) -> None:
    names = packed.namelist()
    if len(names) > PARTS_MAX or len(set(names)) < len(names):
        raise _too_large()
    unpacked = 0
    for name in names:
        is_sheet, extent, before = _SHEET.fullmatch(name) is not None, _Extent(), b""
        with packed.open(name) as part:
            for piece in _pieces(part):
                unpacked += len(piece)
                if unpacked > bounds.unpacked:
                    raise _too_large()
                if is_sheet:
                    _look_at_cells(before + piece, extent, bounds)
                    before = piece[-OVERLAP:]
        if extent.rows > bounds.rows or extent.columns > bounds.columns:
            raise _too_large()
        if extent.rows * extent.columns > CELLS_MAX:
            raise _too_large()


def _pieces(part: IO[bytes]) -> Iterator[bytes]:
    while piece := part.read(PIECE):
        yield piece


def _look_at_cells(piece: bytes, extent: _Extent, bounds: Bounds) -> None:
    formula = None if bounds.formulas else _FORMULA.search(piece)
    if formula is not None:
        place = formula[1].decode()
        raise Unreadable(
            f"单元格 {place} 含有公式；请将公式“选择性粘贴”为数值后再导入",
            f"Cell {place} holds a formula: paste its value instead",
        )
    for letters, row in _CELL.findall(piece):
        extent.rows = max(extent.rows, int(row))
        extent.columns = max(extent.columns, _column(letters))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * LETTERS + letter - ord("A") + 1
    return number


def _too_large() -> Oversized:
    return Oversized(
        "工作簿展开后过大：行、列或内容超过上限（工作表末尾的空白格式也计算在内，请删除）",
        "The workbook is too large once unpacked; formatted empty cells at the end count too",
    )
