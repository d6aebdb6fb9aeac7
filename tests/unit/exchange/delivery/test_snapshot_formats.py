"""Records as files: nothing cut, nothing taken for a formula, types of the contract."""

import io
from collections.abc import Sequence
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from catalog.contracts.model import DataType
from exchange.delivery.projection.views import ShownItem, VersionView
from exchange.delivery.snapshots import formats
from exchange.delivery.snapshots.columns import UNMAPPED, Column, Row, rows_of
from exchange.delivery.snapshots.formats import Format, TooManyRows, is_exact, writer_of

COLUMNS = (
    Column("name", "姓名", DataType.STRING),
    Column("count", "数量", DataType.INTEGER),
    Column("income", "收入", DataType.DECIMAL, precision=20, scale=2),
    Column("born", "出生日期", DataType.DATE),
    Column("alive", "健在", DataType.BOOLEAN),
)
ROWS = [
    Row(
        "k1",
        {
            "name": b'"=1+1,\\"x\\"\\n"',
            "count": b"9007199254740993",
            "income": b"0.10",
            "born": b'"2019-03-05"',
            "alive": b"true",
        },
    ),
    Row("-k2", {"count": b"-12"}),
]
LINES = [b'{"key":"k1"}', b'{"key":"-k2"}']


def written(wanted: Format, rows: Sequence[Row] = ROWS) -> bytes:
    writer = writer_of(wanted, COLUMNS)
    try:
        return writer.add(rows, LINES) + b"".join(writer.end())
    finally:
        writer.close()


def test_ndjson_is_the_lines() -> None:
    assert written(Format.NDJSON) == b'{"key":"k1"}\n{"key":"-k2"}\n'


def test_csv_has_a_mark_and_no_formulas() -> None:
    content = written(Format.CSV)
    assert content.startswith(b"\xef\xbb\xbfexchange_key,name,count,income,born,alive\r\n")
    assert b"""k1,"'=1+1,""x""\n",9007199254740993,0.10,2019-03-05,true\r\n""" in content
    assert content.endswith(b"'-k2,,-12,,,\r\n")


def test_a_worksheet_keeps_every_digit() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(written(Format.XLSX)))
    head, first, second = book.get_sheet_by_name("数据").to_python()
    assert head == ["exchange_key", "姓名", "数量", "收入", "出生日期", "健在"]
    assert first[1:4] == ['\'=1+1,"x"\n', "9007199254740993", 0.1]
    assert second[:3] == ["'-k2", "", -12.0]


def test_a_worksheet_has_no_more_rows_than_it_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "SHEET_ROWS_MAX", 2)
    with pytest.raises(TooManyRows):
        written(Format.XLSX)


def test_parquet_has_the_types_of_the_contract() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(written(Format.PARQUET)))
    assert table.schema.names == ["exchange_key", *(column.name for column in COLUMNS)]
    assert [str(kind) for kind in table.schema.types[2:]] == [
        "int64", "decimal128(38, 2)", "date32[day]", "bool",
    ]  # fmt: skip
    first, second = table.to_pylist()
    assert (first["count"], first["income"]) == (9007199254740993, Decimal("0.10"))
    assert second["name"] is None


@pytest.mark.parametrize(
    ("number", "exact"),
    [("123456789012345", True), ("1234567890123456", False), ("0.000000000000000001", True),
     ("-12.50", True), ("1e5", False), ("0", True)],
)  # fmt: skip
def test_a_cell_holds_fifteen_digits(number: str, exact: bool) -> None:
    assert is_exact(number) is exact


@pytest.mark.parametrize("wanted", [Format.CSV, Format.XLSX, Format.PARQUET])
def test_a_code_without_a_successor_is_told_as_a_line_tells_it(wanted: Format) -> None:
    """Only NDJSON told it: elsewhere an old code stood among new ones like one of them."""
    shown = (ShownItem("district", "area", None), ShownItem("kind", "kind", None))
    view = VersionView(items=shown, filtered=(), fields=(), hash_key=b"")
    rows = rows_of(
        [
            b'{"key":"1","data":{"district":"x","kind":"y"},"unmapped":["district","kind"]}',
            b'{"key":"2","data":{"district":"b","kind":"y"}}',
        ],
        view,
    )
    names = ("area", "kind", UNMAPPED)
    writer = writer_of(wanted, [Column(name, name, DataType.STRING) for name in names])
    content = writer.add(rows, LINES) + b"".join(writer.end())
    writer.close()
    if wanted is Format.CSV:
        assert content.splitlines()[1:] == [b'1,x,y,"area,kind"', b"2,b,y,"]
    elif wanted is Format.XLSX:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        told = [line[3] for line in book.get_sheet_by_name("数据").to_python()]
        assert told == [UNMAPPED, "area,kind", ""]
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        told = parquet.read_table(io.BytesIO(content)).column(UNMAPPED).to_pylist()
        assert told == ["area,kind", None]
