"""The first sheet of an XLSX workbook, row by row: texts as they stand, dates by their format.

A workbook is a ZIP of XML. What is unpacked is bounded, macros and links are never looked at, and a
number keeps what Excel has kept of it: fifteen digits.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from shuyuan_client.failures import Failure

UNPACKED_MAX: Final = 512 * 1024 * 1024
COLUMNS_MAX: Final = 1_024
DIGITS: Final = 15
NAMESPACE: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]+)")
ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
# What a format of dates is made of; letters within quotes and brackets are no part of it.
QUOTED: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
DATE_LETTERS: Final = re.compile(r"[ydhs年月日]", re.IGNORECASE)
BUILT_IN_DATES: Final = frozenset([*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)])
EPOCH: Final = datetime(1899, 12, 30, tzinfo=UTC)
EPOCH_1904: Final = datetime(1904, 1, 1, tzinfo=UTC)
LETTERS: Final = 26
# What reading something that is no workbook ends in.
BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    ET.ParseError,
    LookupError,
    ValueError,
    OverflowError,
    EOFError,
)


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that holds something, by its line; raises Failure for what is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > UNPACKED_MAX:
                raise _unreadable("展开后过大", "it is too large when unpacked")
            yield from _rows(archive)
    except BROKEN as error:
        raise _unreadable("不是工作簿，或已损坏、已加密", "no workbook, or damaged") from error
    except (NotImplementedError, RuntimeError) as error:
        raise _unreadable("有口令，或压缩方式不受支持", "it has a password") from error


def _unreadable(chinese: str, english: str) -> Failure:
    return Failure(
        f"无法读取该 XLSX 文件：{chinese}；请在 Excel 中另存后重试。",
        f"The XLSX file cannot be read: {english}; save it anew in Excel, then retry.",
    )


def _rows(archive: zipfile.ZipFile) -> Iterator[tuple[int, list[str]]]:
    book = _tree(archive, "xl/workbook.xml")
    properties = book.find(f"{NAMESPACE}workbookPr")
    epoch_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    epoch = EPOCH_1904 if epoch_1904 else EPOCH
    shared, dates = _shared(archive), _date_styles(archive)
    with archive.open(_first_sheet(archive, book)) as stream:
        for _event, element in ET.iterparse(stream):  # noqa: S314 - expat bounds entities
            if element.tag != f"{NAMESPACE}row":
                continue
            cells: list[str] = []
            for cell in element:
                place = _column(cell.get("r", ""), len(cells))
                cells += [""] * (place - len(cells))
                cells.append(_text(cell, shared, dates, epoch))
            if any(cells):
                yield int(element.get("r", "0")), cells
            element.clear()


def _tree(archive: zipfile.ZipFile, name: str) -> ET.Element:
    content = archive.read(name)
    if b"<!DOCTYPE" in content:
        raise _unreadable("含有文档类型声明", "it declares a document type")
    return ET.fromstring(content)  # noqa: S314 - without a document type, no entities


def _first_sheet(archive: zipfile.ZipFile, book: ET.Element) -> str:
    """Return the member of the first sheet that is not hidden."""
    shown = [
        each for each in book.iter(f"{NAMESPACE}sheet") if each.get("state") in (None, "visible")
    ]
    wanted = shown[0].get(RELATION) if shown else None
    for each in _tree(archive, "xl/_rels/workbook.xml.rels"):
        if each.get("Id") == wanted and wanted is not None:
            return "xl/" + each.get("Target", "").removeprefix("/xl/").removeprefix("xl/")
    raise _unreadable("没有可见的工作表", "it has no visible sheet")


def _shared(archive: zipfile.ZipFile) -> list[str]:
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    return [_joined(each) for each in _tree(archive, name).iter(f"{NAMESPACE}si")]


def _joined(element: ET.Element) -> str:
    """Return the text of runs, without how they are read aloud."""
    spoken = {text for run in element.iter(f"{NAMESPACE}rPh") for text in run}
    texts = (each for each in element.iter(f"{NAMESPACE}t") if each not in spoken)
    return _unescaped("".join(each.text or "" for each in texts))


def _unescaped(text: str) -> str:
    """Return what stands for marks that XML cannot hold as those marks (ECMA-376, ST_Xstring)."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _date_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """Return the numbers of the styles that show a number as a date."""
    if "xl/styles.xml" not in archive.namelist():
        return frozenset()
    styles = _tree(archive, "xl/styles.xml")
    own = {
        each.get("numFmtId")
        for each in styles.iter(f"{NAMESPACE}numFmt")
        if DATE_LETTERS.search(QUOTED.sub("", each.get("formatCode", "")))
    }
    known = own | {str(each) for each in BUILT_IN_DATES}
    cells = styles.find(f"{NAMESPACE}cellXfs")
    formats = [] if cells is None else [each.get("numFmtId") for each in cells]
    return frozenset(str(place) for place, each in enumerate(formats) if each in known)


def _column(reference: str, usual: int) -> int:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        return usual
    number = 0
    for letter in found[1]:
        number = number * LETTERS + ord(letter) - ord("A") + 1
    if number > COLUMNS_MAX:
        raise _unreadable("列数过多", "it has too many columns")
    return number - 1


def _text(cell: ET.Element, shared: list[str], dates: frozenset[str], epoch: datetime) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _joined(cell)
    value = cell.findtext(f"{NAMESPACE}v") or ""
    match kind:
        case "s":
            return shared[int(value)] if value else ""
        case "b":
            return "true" if value == "1" else "false"
        case "n" if value:
            return _date(float(value), epoch) if cell.get("s", "0") in dates else _number(value)
        case _:
            return value


def _date(days: float, epoch: datetime) -> str:
    """Return a day, or a day with its time where there is one."""
    moment = epoch + timedelta(seconds=round(days * 86_400))
    return f"{moment:%Y-%m-%d}" if days == int(days) else f"{moment:%Y-%m-%d %H:%M:%S}"


def _number(value: str) -> str:
    """Return a number as a person reads it; long ones stay in the form that Excel has cut."""
    number = float(value)
    if number == int(number) and abs(number) < 10**DIGITS:
        return str(int(number))
    return value
