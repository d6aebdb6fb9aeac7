"""What a file is, its content tells; what can run something is refused."""

import io
import zipfile
from collections.abc import Mapping

import pytest

from exchange.attachments.kinds import ActiveContent, Kind, NotADocument, kind_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20) + b"\0\0\0\0IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"
PDF = b"%PDF-1.7\n1 0 obj <</Type /Catalog /JSON 1>> endobj\ntrailer\n%%EOF\n"
TYPES = b"<Types><Default Extension='xml'/></Types>"
WORD = {"[Content_Types].xml": TYPES, "word/document.xml": b"<w/>"}
EXCEL = {"[Content_Types].xml": TYPES, "xl/workbook.xml": b"<w/>"}


def package(parts: Mapping[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, Kind.PNG),
        (JPEG, Kind.JPEG),
        (PDF, Kind.PDF),
        (package(WORD), Kind.DOCX),
        (package(EXCEL), Kind.XLSX),
        (package({"OFD.xml": b"<ofd/>"}), Kind.OFD),
    ],
)
def test_documents_are_told_by_their_content(content: bytes, kind: Kind) -> None:
    assert kind_of(content) is kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"MZ" + bytes(100),
        b"<html><script>%PDF-</script></html>",
        PNG[:-8],
        JPEG[:-2],
        PDF.replace(b"%%EOF", b""),
        package({"a.txt": b"x"}),
        package(WORD)[:-30],
        package({**WORD, "xl/workbook.xml": b""}),
        package({"word/document.xml": b""}),
        package({**WORD, **{f"p{n}": b"" for n in range(5001)}}),
        package({**WORD, "large": bytes(257 * 1024 * 1024)}),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(NotADocument) as refused:
        kind_of(content)
    assert refused.value.code == "file_kind_refused"


@pytest.mark.parametrize(
    "content",
    [
        package({**WORD, "word/vbaProject.bin": b"x"}),
        package({**EXCEL, "xl/macrosheets/sheet1.xml": b"x"}),
        package({**WORD, "word/activeX/activeX1.xml": b"x"}),
        package({**WORD, "[Content_Types].xml": b"application/vnd.ms-word.MacroEnabled+xml"}),
        PDF.replace(b"/JSON", b"/JS"),
        PDF.replace(b"/JSON", b"/J#53"),
        PDF.replace(b"/JSON", b"/JavaScript"),
        PDF.replace(b"/JSON", b"/Launch"),
    ],
)
def test_what_can_run_something_is_refused(content: bytes) -> None:
    with pytest.raises(ActiveContent):
        kind_of(content)
