"""The columns of a table of records, and their values as they were written; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from catalog.contracts.model import Contract, DataType
from exchange.delivery.projection.views import VersionView

KEY: Final = "exchange_key"
"""The record's key as the grant shows it, beside the items."""
UNMAPPED: Final = "exchange_unmapped"
"""Items whose value has no single successor in the edition of the grant, with commas between."""
PRECISION_MAX: Final = 38


@dataclass(frozen=True, slots=True)
class Column:
    """An item by its granted name; a masked one is text, and so is one of several types."""

    name: str
    label: str
    kind: DataType
    precision: int | None = None
    scale: int | None = None


class Row(NamedTuple):
    """`values` are words of JSON by granted names; what is absent or null is not in it."""

    key: str
    values: Mapping[str, bytes]


class _Shown(msgspec.Struct, frozen=True):
    key: str
    data: dict[str, msgspec.Raw]
    unmapped: tuple[str, ...] = ()


_decoder: Final = msgspec.json.Decoder(_Shown)
_string: Final = msgspec.json.Decoder(str)
_NULL: Final = b"null"


def columns_of(
    granted: Sequence[str], views: Iterable[VersionView], contract: Contract
) -> tuple[Column, ...]:
    """Return a column for each granted item, of the type that it has in every version.

    Where codes go over a crosswalk a last one, UNMAPPED, names those that did not.
    """
    views = list(views)
    kinds: dict[str, set[DataType]] = {name: set() for name in granted}
    for view in views:
        types = {field.name: field.data_type for field in view.fields}
        for item in view.items:
            kind = types[item.name] if item.mask is None else DataType.STRING
            kinds[item.granted].add(kind)
    fields = {field.name: field for field in contract.fields}
    columns = []
    for name in granted:
        field = fields.get(name)
        (kind, *others) = kinds[name] or {DataType.STRING}
        columns.append(
            Column(
                name,
                name if field is None else field.label,
                DataType.STRING if others else kind,
                None if field is None else field.precision,
                None if field is None else field.scale,
            )
        )
    if any(item.crosswalk is not None for view in views for item in view.items):
        columns.append(Column(UNMAPPED, UNMAPPED, DataType.STRING))
    return tuple(columns)


def rows_of(lines: Sequence[bytes], view: VersionView) -> list[Row]:
    """Return rows of lines `{"key":…,"data":{…}…}`, which are of one version."""
    granted = {item.name: item.granted for item in view.items}
    return [_row(line, granted) for line in lines]


def _row(line: bytes, granted: Mapping[str, str]) -> Row:
    shown = _decoder.decode(line)
    words = ((granted.get(name, name), bytes(word)) for name, word in shown.data.items())
    values = {name: word for name, word in words if word != _NULL}
    if shown.unmapped:
        names = ",".join(granted.get(name, name) for name in shown.unmapped)
        values[UNMAPPED] = msgspec.json.encode(names)
    return Row(shown.key, values)


def text_of(word: bytes) -> str:
    """Return a word of JSON as text: what stands in a string, else the word itself."""
    return _string.decode(word) if word.startswith(b'"') else word.decode()
