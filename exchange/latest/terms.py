"""Search terms: where a record's value stands among those of its item; pure.

The order of terms is that of values, but that values which differ late may share a term: whoever
compares terms finds every row, and some too many, which an exact comparison leaves out.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem, RecordVersion
from exchange.latest.fold import Folded
from exchange.latest.values import READERS, Incomparable
from kernel.turns import Steps

TERM_BYTES: Final = 200
HIGHEST: Final = b"\xff" * (TERM_BYTES + 1)
AT_ONCE: Final = 200
_FRACTION_DIGITS: Final = 12
_SIGN: Final = 1 << 63
_decode: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode


class Term(NamedTuple):
    """A row of the index: the item's name, the term, and the digest of the record's key."""

    item: str
    term: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class SearchItems:
    """Which items of which version are searched: those of elements that any version marks so.

    Where one is, those of the key are too.
    """

    elements: frozenset[str] = frozenset()
    versions: Mapping[int, Sequence[RecordItem]] = field(default_factory=dict)


def search_items(versions: Mapping[int, RecordVersion]) -> SearchItems:
    items = [item for version in versions.values() for item in version.items]
    elements = frozenset(item.element for item in items if item.searchable)
    if elements:
        elements |= {item.element for item in items if item.key}
    return SearchItems(
        elements,
        {
            number: [item for item in version.items if item.element in elements]
            for number, version in versions.items()
        },
    )


def terms(searched: SearchItems, version: int, value: bytes, digest: bytes) -> list[Term]:
    """Return the terms of a record; none for items that it lacks or has of another type."""
    items = searched.versions.get(version)
    if not items:
        return []
    record = _decode(value)
    found = ((item.name, _of_token(item.data_type, record.get(item.name))) for item in items)
    return [Term(name, term, digest) for name, term in found if term is not None]


def terms_of(
    searched: SearchItems, folded: Folded, digests: Mapping[bytes, bytes]
) -> Steps[list[Term]]:
    """Return the terms of the latest records, some records in each step."""
    found: list[Term] = []
    for nth, (key, record) in enumerate(folded.latest.items(), 1):
        if record.value is not None:
            found += terms(searched, record.version, record.value, digests[key])
        if not nth % AT_ONCE:
            yield
    return found


def _of_token(data_type: DataType, token: Raw | None) -> bytes | None:
    if token is None:
        return None
    written, readers = bytes(token), READERS[data_type]
    try:
        if written[:1] == b'"':
            return term_of(data_type, readers.string(_decode_text(written)))
        return term_of(data_type, readers.token(written.decode()))
    except Incomparable:
        return None


def term_of(data_type: DataType, value: Any) -> bytes:  # noqa: ANN401 - as its reader reads it
    """Return the term of a value."""
    if data_type in (DataType.STRING, DataType.CODE):
        return str(value).encode(errors="surrogatepass")[:TERM_BYTES]
    if data_type in (DataType.INTEGER, DataType.DECIMAL):
        return _of_number(value)
    if data_type is DataType.DATE:
        return int(value.toordinal()).to_bytes(4)
    if data_type is DataType.DATETIME:
        fraction: str = value.fraction[:_FRACTION_DIGITS]
        return int(value.seconds).to_bytes(8) + fraction.encode()
    return bytes([value])


def _of_number(value: Any) -> bytes:  # noqa: ANN401 - an integer or a decimal
    """Return eight bytes whose order is that of the nearest doubles."""
    try:
        nearest = float(value) + 0.0
    except OverflowError:
        nearest = float("inf") if value > 0 else float("-inf")
    bits = int.from_bytes(struct.pack(">d", nearest))
    return (bits ^ _SIGN if bits < _SIGN else bits ^ (2 * _SIGN - 1)).to_bytes(8)
