"""What kind of document a file is, told by its content and never by its name; pure.

A document that can run something is refused: macros and controls of Office files, scripts and
launches of PDF files.
"""

import io
import re
import zipfile
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from kernel.errors import Invalid, Text
from kernel.workbooks.packed import DAMAGED

PARTS_MAX: Final = 5_000
# What the parts of a document may come to once unpacked; they are counted, and never unpacked.
UNPACKED_MAX: Final = 256 * 1024 * 1024
# Of the list of content types, the one part that is read.
TYPES_MAX: Final = 1024 * 1024
HEAD: Final = 1024
TAIL: Final = 2048

PNG_BEGINS, PNG_ENDS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"IEND\xaeB`\x82"
JPEG_BEGINS, JPEG_ENDS = b"\xff\xd8\xff", b"\xff\xd9"
TYPES: Final = "[Content_Types].xml"
# The part without which a package is not of the kind.
_MAIN: Final = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "OFD.xml": "ofd"}
_ACTIVE_PART: Final = re.compile(r"(?i)(^|/)(vbaproject|vbadata|macrosheets|activex|ctrlprops)")
_ACTIVE_TYPE: Final = re.compile(rb"(?i)macroenabled|vbaproject|activex|macrosheet")
_ACTIVE_PDF: Final = re.compile(rb"/(?:JavaScript|JS|Launch|RichMedia)(?![A-Za-z])")


class Kind(StrEnum):
    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    OFD = "ofd"
    DOCX = "docx"
    XLSX = "xlsx"


_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
MEDIA: Final = {
    Kind.PDF: "application/pdf",
    Kind.PNG: "image/png",
    Kind.JPEG: "image/jpeg",
    Kind.OFD: "application/ofd",
    Kind.DOCX: f"{_OFFICE}.wordprocessingml.document",
    Kind.XLSX: f"{_OFFICE}.spreadsheetml.sheet",
}


class NotADocument(Invalid):
    code = "file_kind_refused"
    title = Text(
        "附件应为 PDF、PNG、JPEG、OFD、DOCX 或 XLSX 文件，以内容为准",
        "An attachment is a PDF, PNG, JPEG, OFD, DOCX or XLSX file, told by its content",
    )


class ActiveContent(NotADocument):
    code = "active_content"
    title = Text(
        "附件含有宏、脚本或控件，请另存为不含这些内容的文件",
        "The file carries macros, scripts or controls: save it without them",
    )


def kind_of(content: bytes) -> Kind:
    """Return the kind of a whole file; raises NotADocument, ActiveContent."""
    if content.startswith(PNG_BEGINS) and content.rstrip(b"\0").endswith(PNG_ENDS):
        return Kind.PNG
    if content.startswith(JPEG_BEGINS) and JPEG_ENDS in content[-HEAD:]:
        return Kind.JPEG
    if b"%PDF-" in content[:HEAD] and b"%%EOF" in content[-TAIL:]:
        return _pdf(content)
    if content.startswith(b"PK\x03\x04"):
        return _package(content)
    raise NotADocument


def _pdf(content: bytes) -> Kind:
    # Names may be spelt with hexadecimal escapes: `/J#53` is `/JS`.
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), content)
    if _ACTIVE_PDF.search(plain):
        raise ActiveContent
    return Kind.PDF


def _package(content: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return _kind_of_package(packed)
    except DAMAGED as error:
        raise NotADocument from error


def _kind_of_package(packed: zipfile.ZipFile) -> Kind:
    parts = packed.infolist()
    names = [part.filename for part in parts]
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > PARTS_MAX or len(set(names)) < len(names) or unpacked > UNPACKED_MAX:
        raise NotADocument
    if any(part.flag_bits & 1 for part in parts):
        raise NotADocument(
            "文件已加密，无法检查", "The file has a password, so that nobody can look at it"
        )
    kinds = {kind for name, kind in _MAIN.items() if name in names}
    if len(kinds) != 1:
        raise NotADocument
    kind = Kind(kinds.pop())
    if kind is not Kind.OFD:
        _check_office(packed, names)
    return kind


def _check_office(packed: zipfile.ZipFile, names: Collection[str]) -> None:
    if TYPES not in names:
        raise NotADocument
    with packed.open(TYPES) as part:
        types = part.read(TYPES_MAX + 1)
    if len(types) > TYPES_MAX:
        raise NotADocument
    if any(map(_ACTIVE_PART.search, names)) or _ACTIVE_TYPE.search(types):
        raise ActiveContent
