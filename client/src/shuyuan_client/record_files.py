"""Records in a file: NDJSON, a JSON array, or CSV, in batches that know their lines."""

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from shuyuan_client.failures import Failure, unusable_file

# Well below the 8 MiB of a publish, so that a batch of long records is still taken whole.
BATCH_BYTES_MAX = 4 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
INTEGER = re.compile(r"[+-]?[0-9]+")
BOOLEANS = {"true": True, "false": False}

Schema = Mapping[str, Any]


class Format(StrEnum):
    NDJSON = "ndjson"
    JSON = "json"
    CSV = "csv"


SUFFIXES = {".csv": Format.CSV, ".json": Format.JSON}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a line of JSON; `line` is where the file has it, `end` the byte after it."""

    line: int
    text: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to publish together. `key` names them and everything before them in the file."""

    records: list[Record]
    key: str

    @property
    def body(self) -> bytes:
        return b"\n".join(record.text for record in self.records)

    def without(self, indexes: set[int]) -> "Batch":
        kept = [record for index, record in enumerate(self.records) if index not in indexes]
        left_out = "-".join(str(index) for index in sorted(indexes))
        digest = hashlib.sha256(f"{self.key} {left_out}".encode()).hexdigest()
        return replace(self, records=kept, key=digest)


def format_of(path: Path) -> Format:
    return SUFFIXES.get(path.suffix.lower(), Format.NDJSON)


def read(path: Path, kind: Format, *, encoding: str, schema: Schema | None) -> Iterator[Record]:
    """Yield the records of a file; raises Failure where the file is not what it should be."""
    try:
        if kind is Format.NDJSON:
            yield from _ndjson(path)
        elif kind is Format.JSON:
            yield from _json(path.read_bytes().removeprefix(BOM))
        else:
            yield from _csv(path, encoding, (schema or {}).get("properties", {}))
    except OSError as error:
        raise unusable_file(str(path), error) from error


def batches(records: Iterable[Record], size: int, named: str) -> Iterator[Batch]:
    """Share records out, in order; `named` is what, apart from them, makes a run the same run."""
    so_far = hashlib.sha256(f"{named} {size}".encode())
    waiting: list[Record] = []
    waiting_bytes = 0
    for record in records:
        if len(waiting) == size or waiting_bytes + len(record.text) > BATCH_BYTES_MAX:
            if waiting:
                yield Batch(waiting, so_far.hexdigest())
            waiting, waiting_bytes = [], 0
        so_far.update(record.text + b"\n")
        waiting.append(record)
        waiting_bytes += len(record.text) + 1
    if waiting:
        yield Batch(waiting, so_far.hexdigest())


def _ndjson(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        end = 0
        for line, raw in enumerate(stream, 1):
            end += len(raw)
            text = raw.removeprefix(BOM) if line == 1 else raw
            yield Record(line, text.rstrip(b"\r\n"), end)


def _json(raw: bytes) -> Iterator[Record]:
    try:
        text = raw.decode()
        for start, end in _elements(text):
            # Outside strings a line break is white space, inside it is not allowed.
            element = re.sub(r"[\r\n]+", " ", text[start:end]).encode()
            line = text.count("\n", 0, start) + 1
            yield Record(line, element, len(raw) * end // max(len(text), 1))
    except UnicodeDecodeError as error:
        raise _not_text("UTF-8") from error
    except json.JSONDecodeError as error:
        raise Failure(
            f"文件第 {error.lineno} 行第 {error.colno} 列不是合法的 JSON；请更正后重试。",
            f"Line {error.lineno}, column {error.colno} of the file is not JSON; correct it.",
        ) from error


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each element of an array, or the one object, begins and ends."""
    decode = json.JSONDecoder().raw_decode
    place = _skip(text, 0)
    if not text.startswith("[", place):
        _value, end = decode(text, place)
        _expect_end(text, end)
        yield place, end
        return
    place = _skip(text, place + 1)
    while not text.startswith("]", place):
        _value, end = decode(text, place)
        yield place, end
        place = _skip(text, end)
        if text.startswith(",", place):
            place = _skip(text, place + 1)
        elif not text.startswith("]", place):
            raise json.JSONDecodeError("expected , or ]", text, place)
    _expect_end(text, place + 1)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _expect_end(text: str, place: int) -> None:
    if _skip(text, place) < len(text):
        raise json.JSONDecodeError("more than one value", text, place)


def _csv(path: Path, encoding: str, properties: Schema) -> Iterator[Record]:
    with path.open("rb") as stream:
        lines = _Lines(stream, encoding)
        rows = csv.reader(lines, strict=True)
        try:
            header = next(rows, [])
            _check_header(header, properties)
            line = lines.count + 1
            for row in rows:
                if row:
                    yield Record(line, _of_row(header, row, properties, line), lines.end)
                line = lines.count + 1
        except UnicodeDecodeError as error:
            raise _not_text(encoding) from error
        except csv.Error as error:
            raise Failure(
                f"文件第 {lines.count} 行不是合法的 CSV：{error}；请更正后重试。",
                f"Line {lines.count} of the file is not CSV: {error}; correct it, then retry.",
            ) from error


class _Lines:
    """The lines of a text file, which knows how far it has been read."""

    def __init__(self, stream: Iterable[bytes], encoding: str) -> None:
        self._stream = iter(stream)
        self._encoding = encoding
        self.count = 0
        self.end = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._stream)
        self.count += 1
        self.end += len(raw)
        text = raw.removeprefix(BOM) if self.count == 1 else raw
        return text.decode(self._encoding)


def _check_header(header: list[str], properties: Schema) -> None:
    unknown = [name for name in header if name not in properties]
    if unknown or not header:
        told, known = ", ".join(unknown) or "-", ", ".join(properties)
        raise Failure(
            f"CSV 首行须为信息项名：{told} 不在数据契约中；可用的有 {known}。",
            f"The first line must name items: {told} are not in the contract, which has {known}.",
        )


def _of_row(header: list[str], row: list[str], properties: Schema, line: int) -> bytes:
    if len(row) > len(header):
        raise Failure(
            f"文件第 {line} 行有 {len(row)} 列，首行只有 {len(header)} 列；请更正后重试。",
            f"Line {line} of the file has {len(row)} columns, the header {len(header)}.",
        )
    cells = zip(header, row, strict=False)
    record = {name: _value(cell, properties[name]) for name, cell in cells if cell != ""}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _value(cell: str, schema: Schema) -> str | int | bool:
    """Return the cell as the contract types it; what does not fit stays text, to be reported."""
    types = schema.get("type", ())
    kinds = {types} if isinstance(types, str) else set(types)
    if "integer" in kinds and INTEGER.fullmatch(cell):
        return int(cell)
    if "boolean" in kinds:
        return BOOLEANS.get(cell.lower(), cell)
    return cell


def _not_text(encoding: str) -> Failure:
    return Failure(
        f"文件不是 {encoding} 编码；CSV 可用 --encoding gb18030，其他文件请先转换为 UTF-8。",
        f"The file is not {encoding}; use --encoding gb18030 for CSV, convert others to UTF-8.",
    )
