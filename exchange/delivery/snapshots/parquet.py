"""Parquet by pyarrow, an optional extra: types of the contract, dates and decimals exact."""

import importlib.util
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from catalog.contracts.model import DataType
from exchange.delivery.snapshots.columns import KEY, PRECISION_MAX, Column, Row, text_of
from kernel.errors import FieldError, Invalid

ROW_GROUP: Final = 50_000
"""Rows that are gathered before they are written: what readers skip by, and what memory holds."""
ROW_GROUP_BYTES: Final = 32 * 1024 * 1024


class FormatNotServed(Invalid):
    """The library for this format is not installed here."""

    def __init__(self) -> None:
        told = (
            "平台未安装 Parquet 组件（pyarrow），请改用其他格式",
            "The platform has no library for Parquet (pyarrow): ask for another format",
        )
        super().__init__(*told, errors=[FieldError("format", "not_served", *told)])


def require_installed() -> None:
    """Raise FormatNotServed where pyarrow is not there."""
    if importlib.util.find_spec("pyarrow") is None:
        raise FormatNotServed


class _Sink(io.RawIOBase):
    """Holds what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        part = bytes(data)
        self._parts.append(part)
        self._place += len(part)
        return len(part)

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts = []
        return taken


class ParquetWriter:
    """Row groups of some ten thousand rows, zstd within."""

    def __init__(self, columns: Sequence[Column]) -> None:
        require_installed()
        import pyarrow as pa  # noqa: PLC0415 - optional
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._columns = columns
        self._arrow = pa
        fields = [(KEY, pa.string())]
        fields += [(column.name, _type(pa, column)) for column in columns]
        self._schema = pa.schema(fields)
        self._sink = _Sink()
        self._file = pq.ParquetWriter(
            self._sink, self._schema, compression="zstd", store_schema=True
        )
        self._rows: list[Row] = []
        self._bytes = 0

    def add(self, rows: Sequence[Row], lines: Sequence[bytes]) -> bytes:
        self._rows += rows
        self._bytes += sum(map(len, lines))
        if len(self._rows) < ROW_GROUP and self._bytes < ROW_GROUP_BYTES:
            return b""
        self._write()
        return self._sink.take()

    def end(self) -> Iterator[bytes]:
        if self._rows:
            self._write()
        self._file.close()
        yield self._sink.take()

    def close(self) -> None:
        pass

    def _write(self) -> None:
        arrow, rows = self._arrow, self._rows
        arrays = [arrow.array([row.key for row in rows], arrow.string())]
        for place, column in enumerate(self._columns, 1):
            kind = self._schema.field(place).type
            values = [value_of(column, row.values.get(column.name)) for row in rows]
            arrays.append(arrow.array(values, kind))
        self._file.write_table(arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows, self._bytes = [], 0


def _type(arrow: Any, column: Column) -> Any:  # noqa: ANN401 - pyarrow has no types
    kinds: Mapping[DataType, Any] = {
        DataType.INTEGER: arrow.int64(),
        DataType.BOOLEAN: arrow.bool_(),
        DataType.DATE: arrow.date32(),
    }
    if is_decimal(column):
        return arrow.decimal128(PRECISION_MAX, column.scale)
    return kinds.get(column.kind, arrow.string())


def is_decimal(column: Column) -> bool:
    """Whether a decimal's digits are known to fit; else it is written as text."""
    return (
        column.kind is DataType.DECIMAL
        and column.precision is not None
        and column.scale is not None
        and column.precision <= PRECISION_MAX
    )


def value_of(column: Column, word: bytes | None) -> object:
    """Return the value of a word of JSON, by the column's type; raises ValueError, Arithmetic."""
    if word is None:
        return None
    text = text_of(word)
    if column.kind is DataType.INTEGER:
        return int(Decimal(text))
    if column.kind is DataType.BOOLEAN:
        return text == "true"
    if column.kind is DataType.DATE:
        return date.fromisoformat(text)
    return Decimal(text) if is_decimal(column) else text
