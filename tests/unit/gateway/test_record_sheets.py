"""Sheets as people make them: headings, encodings, and every conversion told."""

import zipfile
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

import orjson
import pytest
import xlsxwriter

from catalog.contracts.model import Contract, DataType, Field
from gateway.workbooks import records as sheets
from kernel.errors import Invalid


def item(name: str, label: str, kind: DataType = DataType.STRING, *, key: bool = False) -> Field:
    return Field(name=name, label=label, data_type=kind, required=key, key=key)


CONTRACT = Contract(
    resource_id="0" * 32,
    version=1,
    title="人员",
    fields=(
        item("id", "证件号", key=True),
        item("born", "出生日期", DataType.DATE),
        item("married", "已婚", DataType.BOOLEAN),
        item("children", "子女数", DataType.INTEGER),
        item("income", "收入", DataType.DECIMAL),
    ),
)


def csv(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(encoding)


def lines_of(sheet: sheets.Sheet) -> list[Any]:
    return [orjson.loads(line) for line in sheet.lines]


def xlsx(rows: Sequence[Sequence[object]]) -> bytes:
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet, day = workbook.add_worksheet(), workbook.add_format({"num_format": "yyyy-mm-dd"})
        for place, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(place, column, cell, day)
                else:
                    sheet.write(place, column, cell)
    return made.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_headings_are_labels_or_names_in_any_common_encoding(encoding: str) -> None:
    content = csv("子女数,证件号,born", "2,甲,2019/3/5", encoding=encoding)
    sheet = sheets.read(content, "人员.csv", CONTRACT)
    assert lines_of(sheet) == [{"children": 2, "id": "甲", "born": "2019-03-05"}]
    assert sheet.conversions == {"date_written_anew": 1}


def test_columns_are_mapped_and_left_out_by_name_and_the_faults_of_before_are_passed_over() -> None:
    content = csv("编号,备注,子女数,错误原因", "甲,随便,2,主键重复")
    sheet = sheets.read(content, "a.csv", CONTRACT, {"编号": "id", "备注": None})
    assert lines_of(sheet) == [{"id": "甲", "children": 2}]
    assert sheet.heading == ["编号", "备注", "子女数", "错误原因"]
    assert list(sheet.cells[0]) == ["甲", "随便", "2", "主键重复"]


def test_a_mapping_that_fits_neither_file_nor_entry_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        sheets.read(csv("证件号", "a"), "a.csv", CONTRACT, {"编号": "id", "证件号": "none"})
    told = {(error.path, error.code) for error in refused.value.errors}
    assert {("mapping.编号", "unknown_item"), ("mapping.证件号", "unknown_item")} <= told


def test_what_people_write_is_converted_and_counted() -> None:
    content = csv("证件号,已婚,子女数,收入", "a,是,12.0,0.10", "b,否,x,1e400", "c,也许,,")
    sheet = sheets.read(content, "a.csv", CONTRACT)
    assert lines_of(sheet)[0] == {"id": "a", "married": True, "children": 12, "income": 0.1}
    assert b'"income":0.10' in sheet.lines[0]
    assert lines_of(sheet)[1] == {"id": "b", "married": False, "children": "x", "income": "1e400"}
    assert lines_of(sheet)[2] == {"id": "c", "married": "也许"}
    assert sheet.conversions == {"yes_no": 2, "whole_number": 1}


def test_rows_are_those_of_the_file_and_blank_ones_are_passed_over() -> None:
    sheet = sheets.read(csv("证件号", "a", "", "b"), "a.csv", CONTRACT)
    assert sheet.rows in ([2, 4], [2, 3])
    assert len(sheet.lines) == 2


@pytest.mark.parametrize(
    ("heading", "code"),
    [("证件号,别的", "unknown_item"), ("证件号,id", "duplicate_key"), ("已婚", "missing")],
)
def test_headings_that_do_not_fit_are_refused(heading: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        sheets.read(csv(heading, "a,b"), "a.csv", CONTRACT)
    assert code in {error.code for error in refused.value.errors}


def test_a_workbook_is_read_and_what_excel_has_cut_is_told() -> None:
    rows: list[list[object]] = [
        ["证件号", "出生日期", "已婚"],
        ["x1", date(2019, 3, 5), True],
        [450103199001011234, "", ""],
    ]
    sheet = sheets.read(xlsx(rows), "a.xlsx", CONTRACT)
    assert lines_of(sheet)[0] == {"id": "x1", "born": "2019-03-05", "married": True}
    assert [error.index for error in sheet.errors] == [3]
    assert sheet.conversions["cell_to_date"] == 1


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04rubbish", b"\x81"])
@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_what_is_no_sheet_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(Invalid):
        sheets.read(content, name, CONTRACT)


def test_a_workbook_that_grows_without_end_is_refused() -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (sheets.UNPACKED_MAX + 1))
    assert len(bomb.getvalue()) < 1024 * 1024
    with pytest.raises(Invalid, match="too large"):
        sheets.read(bomb.getvalue(), "a.xlsx", CONTRACT)


def test_too_many_rows_are_refused() -> None:
    lines = [f"r{place}" for place in range(sheets.ROWS_MAX + 1)]
    with pytest.raises(Invalid):
        sheets.read(csv("证件号", *lines), "a.csv", CONTRACT)


def test_a_workbook_with_one_cell_far_away_is_refused_before_it_is_laid_out() -> None:
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["证件号", "已婚"])
        sheet.write_string(1_048_575, 16_383, "far")
    with pytest.raises(Invalid, match="too large"):
        sheets.read(made.getvalue(), "a.xlsx", CONTRACT)


@pytest.mark.parametrize("line", ['"' + "a" * 200_000, '"a" b', '"a'])
def test_a_csv_that_is_not_well_formed_is_refused(line: str) -> None:
    with pytest.raises(Invalid):
        sheets.read(csv("证件号", line), "a.csv", CONTRACT)


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_workbook_that_is_damaged_inside_is_refused(packing: int) -> None:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        archive.writestr("a.xml", bytes(range(256)) * 64)
    content = bytearray(made.getvalue())
    content[40:60] = b"\xff" * 20
    with pytest.raises(Invalid):
        sheets.read(bytes(content), "a.xlsx", CONTRACT)
