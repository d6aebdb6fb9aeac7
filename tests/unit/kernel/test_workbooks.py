"""Workbooks that people send: what is undone, what is told, what is refused as a whole."""

import io
import zipfile
from collections.abc import Callable
from datetime import date

import pytest
import xlsxwriter

from kernel.workbooks.packed import Unreadable
from kernel.workbooks.reading import CSV_NAME, ROWS_MAX, Cell, Table, tables
from kernel.workbooks.writing import Heading, Sheet, write

Filling = Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], object]


def book(fill: Filling, name: str = "数据") -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as made:
        page = made.add_worksheet(name)
        page.write_row(0, 0, ["代码*", "名称"])
        fill(made, page)
    return content.getvalue()


def read(content: bytes) -> Table:
    return tables(content, ["数据"], is_csv=False)["数据"]


def read_csv(content: bytes) -> Table:
    return tables(content, [], is_csv=True)[CSV_NAME]


def texts(table: Table) -> list[dict[str, str]]:
    return [{name: cell.text for name, cell in row.cells.items()} for row in table.rows]


def test_rows_are_read_with_their_numbers_and_stars_are_no_part_of_names() -> None:
    table = read(book(lambda _, page: page.write_row(3, 0, ["a", "甲"])))
    assert table.columns == ("代码", "名称")
    assert [row.number for row in table.rows] == [4]
    assert texts(table) == [{"代码": "a", "名称": "甲"}]


def test_numbers_days_and_truths_are_what_they_stand_for() -> None:
    def fill(made: xlsxwriter.Workbook, page: xlsxwriter.worksheet.Worksheet) -> None:
        page.write_number(1, 0, 450103)
        page.write_datetime(1, 1, date(2026, 3, 5), made.add_format({"num_format": "yyyy-mm-dd"}))
        page.write_boolean(2, 0, True)
        page.write_number(2, 1, 0.5)

    table = read(book(fill))
    assert texts(table) == [{"代码": "450103", "名称": "2026-03-05"}, {"代码": "是", "名称": "0.5"}]
    assert table.rows[0].cells["代码"].number


def test_a_number_that_excel_has_cut_is_told() -> None:
    table = read(book(lambda _, page: page.write_number(1, 0, 450103199001011234)))
    assert "15" in table.rows[0].cells["代码"].fault


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (lambda _, page: page.write_formula(1, 0, "=1+1", None, 2), "A2"),
        (lambda _, page: page.merge_range(1, 0, 2, 0, "x"), "合并"),
        (lambda _, page: page.write_row(0, 0, ["代码", "代码"]), "两次"),
        (lambda _, page: page.write_string(1_048_575, 16_383, "far"), "过大"),
    ],
    ids=["formula", "merged", "column twice", "far cell"],
)
def test_what_cannot_be_taken_is_refused_with_its_place(fill: Filling, said: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(book(fill))
    assert said in refused.value.detail.zh


def test_a_hidden_sheet_is_not_read() -> None:
    def fill(made: xlsxwriter.Workbook, page: xlsxwriter.worksheet.Worksheet) -> None:
        made.add_worksheet("其他").activate()
        page.hide()

    with pytest.raises(Unreadable, match="hidden"):
        read(book(fill))
    with pytest.raises(Unreadable, match="missing"):
        read(book(lambda *_: None, "别的"))


def test_a_file_that_unpacks_to_too_much_is_refused_in_passing() -> None:
    content = io.BytesIO()
    with (
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("xl/media/zeros", "w", force_zip64=True) as part,
    ):
        for _ in range(520):
            part.write(bytes(1024 * 1024))
    assert len(content.getvalue()) < 1024 * 1024
    with pytest.raises(Unreadable, match="too large"):
        read(content.getvalue())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"<html>", b"\xd0\xcf\x11\xe0" * 100])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_a_csv_is_read_in_what_offices_write(encoding: str) -> None:
    table = read_csv('代码,名称\r\n007,"甲，\n乙"\r\n'.encode(encoding))
    assert texts(table) == [{"代码": "007", "名称": "甲，\n乙"}]


def test_a_hundred_thousand_rows_are_read_and_one_more_is_refused() -> None:
    rows = "".join(f"{number}\r\n" for number in range(ROWS_MAX))
    assert len(read_csv(f"代码\r\n{rows}".encode()).rows) == ROWS_MAX
    for content in (f"代码\r\n{rows}x\r\n".encode(), f"代码\r\n{rows}x\r\n".encode("gbk")):
        with pytest.raises(Unreadable, match="split it"):
            read_csv(content)
    with pytest.raises(Unreadable) as refused:
        read(book(lambda _, page: page.write_string(ROWS_MAX + 1, 0, "x")))
    assert "过大" in refused.value.detail.zh


@pytest.mark.parametrize("content", [b"a\n\xff\xff\xff\n", b'a\n"open\n', b"", b"a,a\n1,2\n"])
def test_a_csv_that_nobody_can_read_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        read_csv(content)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1-1",
        "-cmd|' /C calc'!A0",
        "@SUM(A1)",
        "-5",
        "正常",
        "＝1+1",
        "＠SUM(A1)",
        "＋1",
        "\n=1+1",
    ],
)
def test_nothing_that_is_written_is_a_formula(text: str) -> None:
    content = write([Sheet("数据", [Heading("代码", required=True)], [[text]])])
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert b"<f" not in packed.read("xl/worksheets/sheet1.xml")
    [row] = read(content).rows
    shown = row.cells["代码"].text
    assert shown in {text, f"'{text}"}
    assert not shown.startswith(("=", "+", "@", "＝", "＋", "＠", "\n"))


def test_a_cell_of_a_table_is_empty_where_nothing_stands() -> None:
    table = read(book(lambda _, page: page.write_string(1, 1, "甲")))
    assert table.rows[0].cells.get("代码", Cell("")) == Cell("")


def edited(change: Callable[[bytes], bytes], sheet: str = "xl/worksheets/sheet1.xml") -> bytes:
    """Return a workbook whose sheet, at this place of the file, was changed by hand."""
    usual, out = "xl/worksheets/sheet1.xml", io.BytesIO()
    content = book(lambda _, page: page.write_row(1, 0, ["a", "b"]))
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            part = before.read(name)
            if name == "xl/_rels/workbook.xml.rels":
                part = part.replace(usual[3:].encode(), sheet[3:].encode())
            after.writestr(
                sheet if name == usual else name, change(part) if name == usual else part
            )
    return out.getvalue()


FAR = "XFD1048576"
WRITTEN = {
    "as programs do": (f'r="{FAR}"', ""),
    "with other quotes": (f"r='{FAR}'", ""),
    "with blanks": (f'r = "{FAR}"', ""),
    "over two lines": (f'\n r="{FAR}"', ""),
    "in small letters": (f'r="{FAR.lower()}"', ""),
    "by a reference": ('r="&#88;FD1048576"', ""),
    "behind a long name": (f'{"x" * 400}="" r="{FAR}"', ""),
    "in a sheet elsewhere": (f'r="{FAR}"', "xl/other/place.data"),
    "one row too far": ('r="A1048577"', ""),
    "beyond any number": ('r="A18446744073709551617"', ""),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_cell_too_far_is_found_however_it_is_written(written: str) -> None:
    """Only what programs write was looked for; a reader laid out the rest, and the process died."""
    place, sheet = WRITTEN[written]

    def change(part: bytes) -> bytes:
        assert b'r="B2"' in part
        return part.replace(b'r="B2"', place.encode())

    with pytest.raises(Unreadable):
        read(edited(change, sheet or "xl/worksheets/sheet1.xml"))


def test_a_row_without_places_and_a_sheet_elsewhere_are_read() -> None:
    plain = edited(lambda part: part.replace(b'r="A2"', b"").replace(b'r="B2"', b""), "xl/s.data")
    assert texts(read(plain)) == [{"代码": "a", "名称": "b"}]


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part[: part.index(b"</row>")],
        lambda part: part.replace(b"<worksheet", b"<!DOCTYPE a []><worksheet", 1),
        lambda part: b"x" + part,
        lambda part: part.replace(b'"UTF-8"', b'"nothing"', 1),
        lambda part: part.replace(b'"UTF-8"', b'"gbk"', 1),
    ],
    ids=["cut", "with a document type", "behind other text", "in no encoding", "in another"],
)
def test_a_sheet_that_is_no_xml_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Unreadable):
        read(edited(change))
