"""Every file that a newcomer may hand to `shuyuan` by mistake ends in a sentence, unsent."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import xlsxwriter

from tests.support.desk import Desk

HEAD = "id,name,amount\n"


def workbook(fill: Callable[[xlsxwriter.worksheet.Worksheet], object]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        fill(book.add_worksheet())
    return out.getvalue()


def with_formula(sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_row(0, 0, ["id", "name", "amount"])
    sheet.write_row(1, 0, ["a", "甲"])
    sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")


def bomb() -> bytes:
    """Return a small workbook whose sheet is a gigabyte of blanks."""
    whole = io.BytesIO(workbook(lambda sheet: sheet.write(0, 0, "id")))
    out = io.BytesIO()
    with (
        zipfile.ZipFile(whole) as read,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written,
    ):
        for name in read.namelist():
            if name != "xl/worksheets/sheet1.xml":
                written.writestr(name, read.read(name))
                continue
            with written.open(name, "w", force_zip64=True) as sheet:
                sheet.write(b"<worksheet><sheetData><row><c t='inlineStr'><is><t>")
                for _ in range(64):
                    sheet.write(b" " * 1024 * 1024)
    return out.getvalue()


FILES: Mapping[str, bytes] = {
    "gbk.csv": (HEAD + "a,瑶族自治县,1\n").encode("gbk"),
    "gbk.ndjson": '{"id": "a", "name": "瑶族"}\n'.encode("gbk"),
    "truly.xlsx.csv": workbook(lambda sheet: sheet.write(0, 0, "id")),
    "truly.csv.xlsx": (HEAD + "a,b,1\n").encode(),
    "old.xlsx": bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504,
    "cut.xlsx": workbook(lambda sheet: sheet.write(0, 0, "id"))[:900],
    "formula.xlsx": workbook(with_formula),
    "empty.xlsx": workbook(lambda _sheet: None),
    "bomb.xlsx": bomb(),
    "marks.csv": b"\xef\xbb\xbf",
    "zeros.csv": b"\0" * 4_096,
    "zeros.ndjson": b"\0" * 4_096,
    "quote.csv": (HEAD + '"a,b\n' * 3).encode(),
    "semicolons.csv": HEAD.replace(",", ";").encode(),
    "scalar.json": b"[1, 2]",
    "half.json": b'[{"id": "a"}, {"id":',
    "deep.json": b"[" * 100_000,
    "digits.json": b'[{"id": ' + b"9" * 5_000 + b"}]",
    "array.ndjson": b'[{"id": "a"}]\n',
    "picture.png": bytes.fromhex("89504e470d0a1a0a0000000d49484452"),
}


async def test_no_file_is_a_traceback(desk: Desk, tmp_path: Path) -> None:
    for name, content in FILES.items():
        file = tmp_path / name
        file.write_bytes(content)
        ran = await desk.provider.run("publish", file, *desk.to)
        assert ran.code == 1, (name, ran.out, ran.err)
        assert "Traceback" not in ran.err, name
        assert ran.err.strip(), name
    folder = await desk.provider.run("publish", tmp_path, *desk.to)
    assert (folder.code, "目录" in folder.err) == (1, True), folder.err
    endless = await desk.provider.run("publish", "/dev/zero", *desk.to)
    assert (endless.code, "8 MiB" in endless.err) == (1, True), endless.err
    nothing = await desk.provider.run("publish", "/dev/null", *desk.to)
    assert "Traceback" not in nothing.err
    assert await desk.arrived() == []
