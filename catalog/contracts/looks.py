"""Four looks at records, each only where the one before is in doubt.

The batch in one compiled pass (scanning), the batch by column, the record by its decoder, the
record in full (records.py). A record passes exactly where the last look, taken alone, would let it
pass.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from operator import attrgetter
from typing import Any, Final

from msgspec import UNSET, Raw, Struct

from catalog.contracts.checked import Checked, Rejected
from catalog.contracts.columns import columns_of
from catalog.contracts.decoding import UNREADABLE, decoder_of, members_at_most, slot
from catalog.contracts.keys import KEY_BYTES_MAX, encode_part, join_key, key_text
from catalog.contracts.lines import require_utf8
from catalog.contracts.model import DataType, Field
from catalog.contracts.records import Examiner
from catalog.contracts.scanning.scanner import Scanner
from kernel.errors import FieldError
from kernel.turns import Steps

ERRORS_LISTED_MAX: Final = 32
"""Errors listed for one record; all are counted."""

# Below this numpy and the column set-up cost more than they save (loadtests/micro).
_BATCH_FROM: Final = 8
# Each about 0.3 ms: records decoded, and bad records looked at in full.
_DECODED_AT_ONCE: Final = 200
_LOOKED_AT_AT_ONCE: Final = 5
_NUL: Final = b"\\u0000"


class Looks:
    """Checks lines against the fields of a record, or against its key items."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._width = len(fields)
        self._decode = decoder_of(fields).decode
        self._columns = columns_of(fields)
        self._singles = [
            (column.get, tuple(check.one for check in column.checks)) for column in self._columns
        ]
        self._scanner = Scanner(fields)
        self._examiner = Examiner(fields)
        self._keys = [
            (attrgetter(slot(place)), _KEY_TEXTS.get(field.data_type, str))
            for place, field in enumerate(fields)
            if field.key
        ]

    def check(self, body: bytes, lines: list[bytes]) -> Steps[Checked]:
        if len(lines) >= _BATCH_FROM:
            for look in (self._scan, partial(self._batch, body)):
                keys = yield from look(lines)
                if keys is not None:
                    return Checked(lines, keys, len(lines))
        return (yield from self._one_by_one(body, lines))

    def _scan(self, lines: list[bytes]) -> Steps[list[bytes] | None]:
        keys = yield from self._scanner.keys(lines)
        return keys if keys is not None and len(set(keys)) == len(keys) else None

    def _batch(self, body: bytes, lines: list[bytes]) -> Steps[list[bytes] | None]:
        """The keys, where every record is valid beyond doubt."""
        records: list[Struct] = []
        try:
            for start in range(0, len(lines), _DECODED_AT_ONCE):
                records += map(self._decode, lines[start : start + _DECODED_AT_ONCE])
                yield
        except UNREADABLE:
            return None
        members = yield from self._members_by_column(records)
        if members is None or members != members_at_most(body) or _may_hold_nul(body):
            return None
        keys = self._keys_of(records)
        doubtful = len(set(keys)) < len(keys) or max(map(len, keys)) > KEY_BYTES_MAX
        return None if doubtful else keys

    def _members_by_column(self, records: list[Struct]) -> Steps[int | None]:
        """How many members the records have; None where a column holds a doubtful value."""
        members = len(records) * self._width
        for column in self._columns:
            values = list(map(column.get, records))
            if column.optional:
                present = [value for value in values if value is not UNSET]
                members -= len(values) - len(present)
                values = [value for value in present if value is not None]
            for check in column.checks:
                if not check.every(values):
                    return None
            yield
        return members

    def _one_by_one(self, body: bytes, lines: list[bytes]) -> Steps[Checked]:
        checked = Checked([], [], len(lines))
        indexes: list[int] = []
        seen: set[bytes] = set()
        for index, line in enumerate(lines):
            if index % _LOOKED_AT_AT_ONCE == _LOOKED_AT_AT_ONCE - 1:
                yield
            key = self._glance(line)
            errors: list[FieldError] = []
            if key is None:
                if not checked.rejected:
                    require_utf8(body)
                errors, key = self._examiner.examine(line, index)
            if key in seen:
                errors.append(self._examiner.repeated(index))
            if errors or key is None:
                listed = tuple(errors[:ERRORS_LISTED_MAX])
                checked.rejected.append(Rejected(index, line, listed, len(errors)))
            else:
                checked.lines.append(line)
                checked.keys.append(key)
                indexes.append(index)
            if key is not None:
                seen.add(key)
        checked.indexes = indexes if checked.rejected else None
        return checked

    def _glance(self, line: bytes) -> bytes | None:
        """The key of a record that is valid beyond doubt."""
        try:
            record = self._decode(line)
        except UNREADABLE:
            return None
        members = self._width
        for get, checks in self._singles:
            value = get(record)
            if value is UNSET:
                members -= 1
            elif value is not None:
                for check in checks:
                    if not check(value):
                        return None
        if members != members_at_most(line) or _may_hold_nul(line):
            return None
        key = join_key([text(get(record)) for get, text in self._keys])
        return key if len(key) <= KEY_BYTES_MAX else None

    def _keys_of(self, records: Sequence[Struct]) -> list[bytes]:
        parts = [_encoded(list(map(text, map(get, records)))) for get, text in self._keys]
        joined = parts[0] if len(parts) == 1 else map("~".join, zip(*parts, strict=True))
        return list(map(str.encode, joined))


def _encoded(texts: list[str]) -> list[str]:
    """Parts of keys with the two reserved characters encoded, where there are any."""
    all_texts = "\n".join(texts)
    return list(map(encode_part, texts)) if "~" in all_texts or "%" in all_texts else texts


def _may_hold_nul(text: bytes) -> bool:
    return b"\\" in text and _NUL in text


def _token_text(token: Raw) -> str:
    return bytes(token).decode().strip('"')


_KEY_TEXTS: Final[dict[DataType, Callable[[Any], str]]] = {
    DataType.DECIMAL: _token_text,
    DataType.BOOLEAN: key_text,
    DataType.DATE: date.isoformat,
}
