"""Cells of tables that people filled in: what is converted, what is told, what stays."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from shuyuan_client import xlsx
from shuyuan_client.cells import Conversions, day, is_cut, moment, value_of
from shuyuan_client.failures import Failure

INTEGER, BOOLEAN = {"type": ["integer", "null"]}, {"type": "boolean"}
DAY, MOMENT = {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "cell", "value", "is_told"),
    [
        (INTEGER, "12", 12, False), (INTEGER, "12.0", 12, True), (INTEGER, "007", "007", False),
        (INTEGER, "-0.0", 0, True), (INTEGER, "9" * 5_000, "9" * 5_000, False),
        (INTEGER, "٣", "٣", False), (INTEGER, "12.5", "12.5", False),
        (BOOLEAN, "是", True, True), (BOOLEAN, "FALSE", False, False), (BOOLEAN, "1", "1", False),
        (DAY, "2019/3/5", "2019-03-05", True), (DAY, "2019年3月5日", "2019-03-05", True),
        (DAY, "2019-03-05", "2019-03-05", False), (DAY, "2019/2/30", "2019/2/30", False),
        (MOMENT, "2019/3/5 8:05", "2019-03-05T08:05:00+08:00", True),
        (MOMENT, "2019-03-05 24:00:00", "2019-03-05 24:00:00", False),
        (MOMENT, "2019/2/30 8:05", "2019/2/30 8:05", False),
        (MOMENT, "2019-03-05T08:05:00Z", "2019-03-05T08:05:00Z", False),
        (TEXT, "2019/3/5", "2019/3/5", False), (TEXT, "12.0", "12.0", False),
    ],
)  # fmt: skip
def test_cells_are_read_as_the_contract_types_them(
    schema: dict[str, Any], cell: str, value: object, *, is_told: bool
) -> None:
    told = Conversions()
    assert value_of("item", cell, schema, 3, told) == value
    assert bool(told.sentences()) is is_told


def test_what_is_converted_is_told_once_an_item_with_its_first_line() -> None:
    told = Conversions()
    for line in (3, 4):
        value_of("born", "2019/3/5", DAY, line, told)
    [sentence] = told.sentences()
    assert "2019/3/5 → 2019-03-05" in sentence
    assert "3" in sentence
    assert "2" in sentence


def test_the_zone_of_times_without_one_is_said() -> None:
    assert moment("2019/3/5 08:05:09", "Z") == "2019-03-05T08:05:09Z"
    assert day("5.3.2019") == "5.3.2019", "nothing is guessed"


def test_a_long_number_that_excel_has_cut_is_known() -> None:
    assert is_cut("4.50103E+17", TEXT)
    assert not is_cut("4.50103E+17", {"type": ["string", "number"]})
    assert not is_cut("450103199001011234", TEXT)


BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="a" sheetId="1" state="hidden" r:id="r1"/><sheet name="b" sheetId="2" r:id="r2"/>'
    "</sheets></workbook>"
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="r2" Target="worksheets/sheet2.xml"/></Relationships>'
)
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
STYLES = (
    f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="200" formatCode="yyyy/m/d h:mm"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="200"/></cellXfs></styleSheet>'
)
SHEET = (
    f'<worksheet {MAIN}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c>'
    '<c r="C1" t="inlineStr"><is><t>日期</t></is></c></row><row r="2"/>'
    '<row r="3"><c r="A3"><v>450000</v></c><c r="B3" t="b"><v>1</v></c>'
    '<c r="C3" s="1"><v>43529</v></c><c r="D3" s="2"><v>43529.5</v></c>'
    '<c r="E3"><v>4.50103199001011E+17</v></c></row></sheetData></worksheet>'
)
SHARED = f"<sst {MAIN}><si><r><t>区划</t></r><r><t>代码</t></r><rPh><t>qu</t></rPh></si></sst>"


def workbook(folder: Path, **other: str) -> Path:
    path = folder / "book.xlsx"
    members = {
        "xl/workbook.xml": BOOK, "xl/_rels/workbook.xml.rels": RELATIONS,
        "xl/styles.xml": STYLES, "xl/sharedStrings.xml": SHARED,
        "xl/worksheets/sheet1.xml": "<x/>", "xl/worksheets/sheet2.xml": SHEET,
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | other).items():
            archive.writestr(name, content)
    return path


def test_the_first_shown_sheet_is_read_with_its_dates(tmp_path: Path) -> None:
    assert list(xlsx.rows(workbook(tmp_path))) == [
        (1, ["区划代码", "", "日期"]),
        (3, ["450000", "true", "2019-03-05", "2019-03-05 12:00:00", "4.50103199001011E+17"]),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"xl/workbook.xml": "<broken"},
        {"xl/workbook.xml": '<!DOCTYPE a [<!ENTITY b "c">]>' + BOOK},
        {"xl/worksheets/sheet2.xml": SHEET.replace('<c r="A3">', '<c r="ZZZ3">')},
        {"xl/worksheets/sheet2.xml": SHEET.replace('t="s"><v>0<', 't="s"><v>7<')},
        {"xl/workbook.xml": BOOK.replace('r:id="r2"', 'r:id="r2" state="hidden"')},
    ],
)
def test_what_is_no_workbook_is_a_sentence(tmp_path: Path, changed: dict[str, str]) -> None:
    with pytest.raises(Failure, match="XLSX"):
        list(xlsx.rows(workbook(tmp_path, **changed)))


def test_a_file_of_another_kind_or_too_large_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.xlsx"
    other.write_bytes(b"id,name\n")
    with pytest.raises(Failure, match="XLSX"):
        list(xlsx.rows(other))
    monkeypatch.setattr(xlsx, "UNPACKED_MAX", 100)
    with pytest.raises(Failure, match="XLSX"):
        list(xlsx.rows(workbook(tmp_path)))
