"""Records of a file, their lines, and the keys under which they are published."""

import json
from pathlib import Path
from typing import Any

import pytest

from shuyuan_client import record_files
from shuyuan_client.failures import Failure
from shuyuan_client.record_files import Format, Record, format_of, read

SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": "string"},
        "count": {"type": ["integer", "null"]},
        "open": {"type": ["boolean", "null"]},
        "price": {"type": ["string", "number", "null"]},
    }
}


def read_text(folder: Path, text: str | bytes, kind: Format) -> list[Record]:
    file = folder / "file"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read(file, kind, encoding="utf-8", schema=SCHEMA))


def texts(records: list[Record]) -> list[bytes]:
    return [record.text for record in records]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", Format.CSV), ("a.CSV", Format.CSV), ("a.json", Format.JSON), ("a.XLSX", Format.XLSX),
     ("a.ndjson", Format.NDJSON), ("a.jsonl", Format.NDJSON), ("stdin", Format.NDJSON)],
)  # fmt: skip
def test_the_suffix_tells_the_format(name: str, kind: Format) -> None:
    assert format_of(Path(name)) is kind


def test_lines_keep_their_bytes_and_numbers(tmp_path: Path) -> None:
    records = read_text(tmp_path, b'\xef\xbb\xbf{ "id" : "1" }\r\n{"id":"2"}', Format.NDJSON)
    assert texts(records) == [b'{ "id" : "1" }', b'{"id":"2"}']
    assert [record.line for record in records] == [1, 2]
    assert records[-1].end == (tmp_path / "file").stat().st_size


def test_an_empty_line_is_left_for_the_exchange_to_name(tmp_path: Path) -> None:
    assert texts(read_text(tmp_path, '{"id":"1"}\n\n{"id":"2"}\n', Format.NDJSON))[1] == b""


def test_elements_of_an_array_become_lines(tmp_path: Path) -> None:
    text = '[\n {"id": "1",\n  "price": 1.50},\n\n {"id": "[]{},"}\n]\n'
    records = read_text(tmp_path, text, Format.JSON)
    assert texts(records) == [b'{"id": "1",   "price": 1.50}', b'{"id": "[]{},"}']
    assert [record.line for record in records] == [2, 5]


@pytest.mark.parametrize(("text", "count"), [("[]", 0), (' {"id": "1"} ', 1), ("[ ]\n", 0)])
def test_an_array_may_be_empty_and_an_object_alone(tmp_path: Path, text: str, count: int) -> None:
    assert len(read_text(tmp_path, text, Format.JSON)) == count


@pytest.mark.parametrize(
    "text", ['[{"id": 1}', '[{"id": 1} {"id": 2}]', "[{]", "[] []", "", '{"id": 1} x', "[1,,2]"]
)
def test_what_is_not_json_is_named_by_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(Failure, match=r"(第 1 行|Line 1)"):
        read_text(tmp_path, text, Format.JSON)


def test_cells_are_typed_by_the_contract_and_empty_ones_left_out(tmp_path: Path) -> None:
    text = "id,count,open,price\n1,7,true,1.50\n2,many,maybe,\n3,,,0\n"
    records = [json.loads(text) for text in texts(read_text(tmp_path, text, Format.CSV))]
    assert records == [
        {"id": "1", "count": 7, "open": True, "price": "1.50"},
        {"id": "2", "count": "many", "open": "maybe"},
        {"id": "3", "price": "0"},
    ]


def test_a_row_over_several_lines_is_named_by_its_first(tmp_path: Path) -> None:
    records = read_text(tmp_path, 'id\n"a\nb"\n\nc\n', Format.CSV)
    assert [record.line for record in records] == [2, 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [("id,colour\n1,red\n", "colour"), ("", "id"), ("id\n1,2\n", "2"), ('id\n"1\n', "3|2")],
)
def test_a_csv_that_does_not_fit_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Failure, match=told):
        read_text(tmp_path, text, Format.CSV)


def test_another_encoding_is_said_to_be_another(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="gb18030"):
        read_text(tmp_path, "id\n广西\n".encode("gb18030"), Format.CSV)


ENCODINGS = [
    ("utf-8-sig", "utf-8"), ("utf-16", "utf-8"), ("utf-32", "utf-8"), ("gb18030", "gb18030"),
    ("utf-16-be", "utf-16-be"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), ENCODINGS)
def test_files_are_decoded_as_streams_and_by_their_marks(
    tmp_path: Path, written: str, said: str
) -> None:
    """Excel's Unicode text was once published as garbage, with exit code 0 (H2)."""
    file = tmp_path / "file.csv"
    file.write_bytes("id,open\n广西,true\n".encode(written))
    [record] = read(file, Format.CSV, encoding=said, schema=SCHEMA)
    assert json.loads(record.text) == {"id": "广西", "open": True}


def test_a_marked_utf_16_be_file_is_known(tmp_path: Path) -> None:
    records = read_text(tmp_path, b"\xfe\xff" + "id\n广西\n".encode("utf-16-be"), Format.CSV)
    assert json.loads(records[0].text) == {"id": "广西"}


@pytest.mark.parametrize("encoding", ["base64", "rot13", "nothing", "zlib"])
def test_what_is_no_encoding_of_text_is_a_sentence(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "file.csv").write_text("id\n1\n")
    with pytest.raises(Failure, match="utf-8"):
        list(read(tmp_path / "file.csv", Format.CSV, encoding=encoding, schema=SCHEMA))


def test_headings_are_names_or_labels(tmp_path: Path) -> None:
    schema = {"properties": {"id": {"type": "string", "title": "区划代码"}, "n": {"title": "名称"}}}
    (tmp_path / "file.csv").write_text(" 区划代码 ,n,\n45,广西,\n")
    [record] = read(tmp_path / "file.csv", Format.CSV, encoding="utf-8", schema=schema)
    assert json.loads(record.text) == {"id": "45", "n": "广西"}


@pytest.mark.parametrize("header", ["id,count,id", "id,区划代码"])
def test_a_column_that_stands_twice_is_refused(tmp_path: Path, header: str) -> None:
    """The last of them once won in silence (H3)."""
    schema = {"properties": {"id": {"title": "区划代码"}, "count": {}}}
    (tmp_path / "file.csv").write_text(f"{header}\n1,2,3\n")
    with pytest.raises(Failure, match="id"):
        list(read(tmp_path / "file.csv", Format.CSV, encoding="utf-8", schema=schema))


def test_a_number_that_excel_has_cut_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"4\.50103E\+17"):
        read_text(tmp_path, "id\n45\n4.50103E+17\n", Format.CSV)


def test_no_file_of_json_ends_in_a_traceback(tmp_path: Path) -> None:
    long = f'{{"id": {"9" * 5_000}}}'
    [record] = read_text(tmp_path, long, Format.JSON)
    assert record.text.decode() == long
    with pytest.raises(Failure, match="JSON"):
        read_text(tmp_path, "[" * 1_000_000, Format.JSON)


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    [record] = read_text(tmp_path, f"id\n{'x' * 200_000}\n", Format.CSV)
    assert len(record.text) > 200_000


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        (Format.NDJSON, "LINE_MAX"),
        (Format.CSV, "LINE_MAX"),
        (Format.JSON, "JSON_BYTES_MAX"),
    ],
)
def test_what_has_no_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Format, bound: str
) -> None:
    """A publish of /dev/zero took 20 GB, and the kernel ended it."""
    monkeypatch.setattr(record_files, bound, 1000)
    with pytest.raises(Failure, match="MiB"):
        read_text(tmp_path, "0" * 1001, kind)
