"""Values on their way between JSON and columns; pure."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import msgspec

from shuyuan_client.agent.databases import Column, Kind, refused
from shuyuan_client.failures import Failure

Schema = Mapping[str, Any]
# What a column of each kind takes of the contract's kinds, and gives as them.
TAKES: Mapping[Kind, frozenset[Kind]] = {
    "text": frozenset({"text", "integer", "decimal", "boolean", "date", "moment"}),
    "integer": frozenset({"integer"}),
    "decimal": frozenset({"integer", "decimal"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "moment": frozenset({"moment"}),
    "other": frozenset(),
}
GIVES: Mapping[Kind, frozenset[Kind]] = {
    "text": frozenset({"text"}),
    "integer": frozenset({"integer", "decimal", "text"}),
    "decimal": frozenset({"decimal", "integer", "text"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date", "text"}),
    "moment": frozenset({"moment", "date", "text"}),
    "other": frozenset(),
}


def kind_of(item: Schema) -> Kind:
    """Return the kind of an item by its part of the contract's JSON Schema."""
    told = item.get("type", ())
    types = {told} if isinstance(told, str) else set(told)
    if "number" in types:
        return "decimal"
    if "integer" in types:
        return "integer"
    if "boolean" in types:
        return "boolean"
    return {"date": "date", "date-time": "moment"}.get(item.get("format", ""), "text")  # type: ignore[return-value]


def landed(value: object, column: Column, zone: ZoneInfo) -> object:
    """Return a value of a record as its column takes it; raises DatabaseRefused where none is."""
    if column.kind == "moment" and column.zone is not None and isinstance(value, str):
        return _without_zone(value, column, zone if column.zone == "local" else UTC)
    if column.kind == "text" and isinstance(value, bool):
        return "true" if value else "false"
    return value


def _without_zone(value: str, column: Column, zone: tzinfo) -> str:
    """Return a moment as a zone's clocks show it: within the years 1 to 9999, no leap second."""
    try:
        # The contract takes a lower-case `t` and `z`, too.
        return str(datetime.fromisoformat(value.upper()).astimezone(zone).replace(tzinfo=None))
    except (ValueError, OverflowError) as error:
        raise refused(f"{column.name} {column.type}: {value} ({error})") from error


def published(value: object, kind: Kind | None, column: Column, zone: ZoneInfo) -> object:
    """Return a column's value as its item has it; raises Failure for one that cannot be."""
    if isinstance(value, str):
        return _unpadded(value, column) if kind == "text" else value
    if isinstance(value, date):
        return _day(value, kind, column, zone)
    if kind == "boolean" and value in (0, 1):
        return bool(value)
    if isinstance(value, Decimal | float):
        return _number(value, kind)
    if kind == "text" and not isinstance(value, bytes):
        return _unpadded(str(value), column)
    if isinstance(value, int):
        return value
    raise _unpublished(column)


def _unpublished(column: Column) -> Failure:
    return Failure(
        f"列 {column.name} 有类型为 {column.type} 的值无法提交。",
        f"A value of column {column.name}, {column.type}, cannot be published.",
    )


def _unpadded(text: str, column: Column) -> str:
    """Return text without the blanks that fill up a column of fixed length."""
    return text.rstrip(" ") if column.padded else text


def _day(value: date, kind: Kind | None, column: Column, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return _moment(value, kind, column, zone)
    return value.isoformat()


def _moment(value: datetime, kind: Kind | None, column: Column, zone: ZoneInfo) -> str:
    there = UTC if column.zone == "utc" else zone
    told = value.replace(tzinfo=there) if value.tzinfo is None else value
    if kind != "date":
        return told.isoformat()
    try:
        return told.astimezone(zone).date().isoformat()
    except OverflowError as error:
        raise _unpublished(column) from error


def _number(value: Decimal | float, kind: Kind | None) -> str | int:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if kind == "integer" and exact.is_finite() and exact == exact.to_integral_value():
        return int(exact)
    return format(exact, "f")


def text_of(value: object, column: Column | None = None) -> str:
    """Return a value of a key or of an increment as text that its column's type reads again."""
    if column is not None and isinstance(value, str):
        return _unpadded(value, column)
    if isinstance(value, date | time):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def split_key(key: str) -> list[str]:
    """Return the values of a record's key: joined by `~`, percent-encoded where they have one."""
    return [unquote(part) for part in key.split("~")]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def line(items: Sequence[str], values: Sequence[object]) -> bytes:
    """Return a record as a line of JSON; an item without a value is left out."""
    pairs = zip(items, values, strict=True)
    return msgspec.json.encode({item: value for item, value in pairs if value is not None})
