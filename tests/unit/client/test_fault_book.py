"""The workbook of refused rows: what it holds, is read again as the file had it."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuyuan_client import xlsx
from shuyuan_client.failures import Failure
from shuyuan_client.fault_book import CELL_MAX, FaultBook
from shuyuan_client.record_files import FAULT, Format, Record, read

SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": "string", "title": "编号"},
        "name": {"type": "string", "title": "名称"},
        "count": {"type": ["integer", "null"], "title": "数量"},
        "note": {"type": "string", "title": "名称"},
    }
}


def written(folder: Path, *rows: tuple[Record, str]) -> Path:
    book = FaultBook(SCHEMA)
    for record, reason in rows:
        book.add(record, reason)
    assert not book.omitted
    return stored(folder, book)


def stored(folder: Path, book: FaultBook) -> Path:
    stream = BytesIO()
    book.write(stream)
    file = folder / "错误行.xlsx"
    file.write_bytes(stream.getvalue())
    return file


def sheet(file: Path) -> list[list[str]]:
    return [cells for _line, cells in xlsx.rows(file)]


def of_table(line: int, **cells: str) -> Record:
    return Record(line, b"", 0, cells)


def test_rows_stand_as_the_file_has_them_beside_why_they_were_refused(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        (of_table(7, id="007", count="=1+1"), "第 7 行  数量：不是整数"),
        (Record(9, b'{"id": 5, "name": null, "colour": "red"}', 0), "第 9 行  colour：未知"),
    )
    # Two items are labelled 名称: only their names tell them apart.
    assert sheet(file) == [
        ["编号", "数量", "name", "colour", "note", FAULT],
        ["007", "=1+1", "", "", "", "第 7 行  数量：不是整数"],
        ["5", "", "", "red", "", "第 9 行  colour：未知"],
    ]


def test_the_corrected_workbook_is_published_without_the_reasons(tmp_path: Path) -> None:
    file = written(tmp_path, (of_table(7, id="007", count="12.0"), "why"))
    [record] = read(file, Format.XLSX, encoding="utf-8", schema=SCHEMA)
    assert json.loads(record.text) == {"id": "007", "count": 12}


def test_a_row_of_reasons_alone_is_no_record(tmp_path: Path) -> None:
    file = written(tmp_path, (Record(3, b"no json", 0), "第 3 行  不是 JSON"))
    assert "no json" in sheet(file)[1][-1]
    assert list(read(file, Format.XLSX, encoding="utf-8", schema=SCHEMA)) == []


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")))
)
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    rows = [(of_table(n, id=f"r{n}", name=value), "why") for n, value in enumerate(values)]
    file = written(tmp_path_factory.mktemp("book"), *rows)
    found = [row[1] for row in sheet(file)[1:]]
    assert found == values


@pytest.mark.parametrize("value", ["x" * (CELL_MAX + 1), "\ud800", "\uffff"])
def test_what_no_sheet_holds_is_named_and_not_cut(value: str) -> None:
    book = FaultBook(SCHEMA)
    book.add(of_table(4, id="1", name=value), "why")
    assert (book.rows, book.omitted) == ([], [4])


def refused(folder: Path, text: str) -> tuple[list[Record], list[tuple[int, str]]]:
    (folder / "file.csv").write_text(text)
    found: list[tuple[int, str]] = []

    def on_fault(record: Record, failure: Failure) -> None:
        found.append((record.line, failure.sentence))

    records = list(
        read(folder / "file.csv", Format.CSV, encoding="utf-8", schema=SCHEMA, on_fault=on_fault)
    )
    return records, found


def test_rows_that_are_wrong_by_themselves_are_told_and_left_out(tmp_path: Path) -> None:
    records, found = refused(tmp_path, "id,count\n1,1\n2,2,surplus\n4.50103E+17,3\n4,4\n")
    assert [record.line for record in records] == [2, 5]
    assert [line for line, _ in found] == [3, 4]
    assert "surplus" in found[0][1]
    assert "4.50103E+17" in found[1][1]
