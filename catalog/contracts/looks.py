"""Four looks at records, each only where the one before is in doubt.

The batch in one compiled pass (scanning), the batch by column, the record by its decoder, the
record in full (records.py). A record passes exactly where the last look, taken alone, would let it
pass.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from operator import attrgetter
from typing import Any, Final

from msgspec import UNSET, Raw, Struct

from catalog.contracts.checked import Checked, Rejected
from catalog.contracts.columns import Check, columns_of
from catalog.contracts.decoding import UNREADABLE, decoder_of, members_at_most, slot
from catalog.contracts.domains import Domains
from catalog.contracts.keys import KEY_BYTES_MAX, encode_part, join_key, key_text
from catalog.contracts.lines import RECORDS_MAX, any_too_long, bare, has_lines, require_utf8
from catalog.contracts.model import DataType, Field
from catalog.contracts.reading import BLANKS
from catalog.contracts.records import Examined, Examiner
from catalog.contracts.rules import steps_per_character
from catalog.contracts.scanning.scanner import Scanner
from kernel.errors import REPORTED_ERRORS_MAX
from kernel.identifiers import Today
from kernel.joining import joining
from kernel.turns import Steps

ERRORS_LISTED_MAX: Final = 32
"""Errors listed for one record; all are counted."""
ERRORS_LISTED_LATER_MAX: Final = 10
"""The same once the batch has as many as an answer lists: quarantine keeps these."""

# Below this numpy and the column set-up cost more than they save.
_BATCH_FROM: Final = 8
# About 0.3 ms each: records decoded, and the bytes of those that are larger than others.
_DECODED_AT_ONCE: Final = 200
_BYTES_AT_ONCE: Final = 128 * 1024
_KEYS_AT_ONCE: Final = 1_000
_JOINED_AT_ONCE: Final = 500
_LARGE: Final = 256 * 1024
# Some 5 ns each: a byte, a character that a pattern steps over. Two thousandths of a second.
_STEPS_AT_ONCE: Final = 60_000
_STEPS_OF_COLUMN: Final = 1_000_000
_STEPS_OF_GLANCE, _STEPS_OF_GLANCE_AT_ITEM = 500, 5
_STEPS_OF_LOOK, _STEPS_OF_LOOK_AT_ITEM = 5_000, 40
# What is checked without pause takes 20 ms at the very worst.
_AT_ONCE_BYTES: Final = 16 * 1024
_AT_ONCE_STEPS: Final = 1_000_000
_AT_ONCE_ITEMS: Final = 40_000
_ITEMS_OF_RECORD: Final = 8
_NUL: Final = b"\\u0000"


class Looks:
    """Checks lines against the fields of a record, or against its key items."""

    def __init__(self, fields: Sequence[Field], today: Today, domains: Domains) -> None:
        self._width = len(fields)
        self._effort = max(map(steps_per_character, fields), default=1)
        self._decode = decoder_of(fields, domains).decode
        self._columns = columns_of(fields, today, domains)
        self._singles = [
            (column.get, tuple(check.one for check in column.checks)) for column in self._columns
        ]
        self._scanner = Scanner(fields, domains)
        self._examiner = Examiner(fields, today, domains)
        self._keys = [
            (attrgetter(slot(place)), _KEY_TEXTS.get(field.data_type, str))
            for place, field in enumerate(fields)
            if field.key
        ]

    def at_once(self, body: bytes) -> bool:
        """Whether the check of a body is so short that it needs no pause."""
        size = len(body)
        if size > _AT_ONCE_BYTES or size * self._effort > _AT_ONCE_STEPS:
            return False
        items = self._width + _ITEMS_OF_RECORD
        # A record takes two bytes at least, with its comma or line break.
        if size * items <= 2 * _AT_ONCE_ITEMS:
            return True
        records = body.count(b"\n") + 1
        if body.lstrip(BLANKS)[:1] == b"[":
            records += body.count(b",")
        return records * items <= _AT_ONCE_ITEMS

    def glance(self, body: bytes) -> Steps[Checked | None]:
        """The records of a body of lines, where all are right beyond doubt as they stand."""
        return (yield from self._scan(body, RECORDS_MAX)) if has_lines(body, _BATCH_FROM) else None

    def check(self, body: bytes, lines: list[bytes], *, glanced_at: bool = False) -> Steps[Checked]:
        """Check lines; `glanced_at` says that a glance at the same lines was in doubt."""
        if len(lines) < _BATCH_FROM:
            return (yield from self._one_by_one(body, lines, bare(lines)))
        checked = None if glanced_at else (yield from self._scan_lines(lines))
        if checked is not None:
            return checked
        records = bare(lines)
        if records != lines:
            # Blanks around records are doubt to the pass; without them it may be sure.
            checked = yield from self._scan_lines(records)
        if checked is None and (keys := (yield from self._batch(body, records))) is not None:
            checked = Checked(records, keys, len(records))
        return checked or (yield from self._one_by_one(body, lines, records))

    def _scan_lines(self, lines: list[bytes]) -> Steps[Checked | None]:
        places = range(0, len(lines), _JOINED_AT_ONCE)
        pieces = (b"\n".join((*lines[at : at + _JOINED_AT_ONCE], b"")) for at in places)
        text = yield from joining(pieces, sum(map(len, lines)) + len(lines))
        return (yield from self._scan(text, len(lines)))

    def _scan(self, text: bytes, most: int) -> Steps[Checked | None]:
        scanned = yield from self._scanner.read(text, most)
        if scanned is None:
            return None
        keys, records = scanned
        doubtful = len(set(keys)) < len(keys) or any_too_long(records)
        return None if doubtful else Checked(records, keys, len(keys))

    def _batch(self, body: bytes, lines: list[bytes]) -> Steps[list[bytes] | None]:
        """The keys, where every record is valid beyond doubt."""
        records: list[Struct] = []
        try:
            for portion in _portions(lines, len(body)):
                records += map(self._decode, portion)
                yield
        except UNREADABLE:
            return None
        members = yield from self._members_by_column(records, len(body))
        if members is None or members != (yield from _members_in(body)) or _may_hold_nul(body):
            return None
        keys = yield from self._keys_of(records)
        doubtful = len(set(keys)) < len(keys) or max(map(len, keys)) > KEY_BYTES_MAX
        return None if doubtful else keys

    def _members_by_column(self, records: list[Struct], size: int) -> Steps[int | None]:
        """How many members the records have; None where a column holds a doubtful value."""
        members = len(records) * self._width
        for column in self._columns:
            values = list(map(column.get, records))
            if column.optional:
                present = [value for value in values if value is not UNSET]
                members -= len(values) - len(present)
                values = [value for value in present if value is not None]
            for check in column.checks:
                if not (yield from _every(check, values, size)):
                    return None
            yield
        return members

    def _one_by_one(self, body: bytes, lines: list[bytes], records: list[bytes]) -> Steps[Checked]:
        stored: list[bytes] = []
        keys: list[bytes] = []
        indexes: list[int] = []
        rejected: list[Rejected] = []
        seen: set[bytes] = set()
        readable = False
        steps = listed = 0
        for index, record in enumerate(records):
            steps += self._steps(record)
            if steps > _STEPS_AT_ONCE:
                steps = 0
                yield
            key = self._glance(record)
            examined = Examined([], 0, key)
            if key is None:
                if not readable:
                    # A record that passes at a glance is UTF-8, so the first other one decides.
                    yield from require_utf8(body)
                    readable = True
                most = (
                    ERRORS_LISTED_MAX if listed < REPORTED_ERRORS_MAX else ERRORS_LISTED_LATER_MAX
                )
                examined = yield from self._examiner.examine(record, index, most)
                steps += _STEPS_OF_LOOK + _STEPS_OF_LOOK_AT_ITEM * self._width + 4 * len(record)
            errors, error_count, key = examined
            if key in seen:
                errors, error_count = [*errors, self._examiner.repeated(index)], error_count + 1
            if errors or key is None:
                shown = tuple(errors[:ERRORS_LISTED_MAX])
                listed += len(shown)
                rejected.append(Rejected(index, lines[index], shown, error_count))
            else:
                stored.append(record)
                keys.append(key)
                indexes.append(index)
            if key is not None:
                seen.add(key)
        return Checked(stored, keys, len(lines), rejected, indexes if rejected else None)

    def _steps(self, record: bytes) -> int:
        return (
            len(record) * self._effort + self._width * _STEPS_OF_GLANCE_AT_ITEM + _STEPS_OF_GLANCE
        )

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

    def _keys_of(self, records: Sequence[Struct]) -> Steps[list[bytes]]:
        keys: list[bytes] = []
        for start in range(0, len(records), _KEYS_AT_ONCE):
            portion = records[start : start + _KEYS_AT_ONCE]
            parts = [_encoded(list(map(text, map(get, portion)))) for get, text in self._keys]
            joined = parts[0] if len(parts) == 1 else map("~".join, zip(*parts, strict=True))
            keys += map(str.encode, joined)
            yield
        return keys


def _encoded(texts: list[str]) -> list[str]:
    """Parts of keys with the two reserved characters encoded, where there are any."""
    all_texts = "\n".join(texts)
    return list(map(encode_part, texts)) if "~" in all_texts or "%" in all_texts else texts


def _portions(lines: list[bytes], size: int) -> Iterator[list[bytes]]:
    """Lines that are decoded without a pause: some hundreds, or fewer that are large."""
    if size <= _LARGE:
        for start in range(0, len(lines), _DECODED_AT_ONCE):
            yield lines[start : start + _DECODED_AT_ONCE]
        return
    portion: list[bytes] = []
    bytes_ = 0
    for line in lines:
        portion.append(line)
        bytes_ += len(line)
        if bytes_ > _BYTES_AT_ONCE or len(portion) == _DECODED_AT_ONCE:
            yield portion
            portion, bytes_ = [], 0
    yield portion


def _every(check: Check, values: Sequence[Any], size: int) -> Steps[bool]:
    """Whether all values of a column pass, of a body of so many bytes."""
    if size * check.effort <= _STEPS_OF_COLUMN:
        return check.every(values)
    longest = max(map(len, values), default=1) if check.effort > 1 else size // (len(values) or 1)
    at_once = max(1, _STEPS_OF_COLUMN // (check.effort * (longest + 1)))
    for start in range(0, len(values), at_once):
        if not check.every(values[start : start + at_once]):
            return False
        yield
    return True


def _members_in(body: bytes) -> Steps[int]:
    """An upper bound as `members_at_most`: portions share a byte, for it looks at neighbours."""
    members = 0
    for start in range(0, len(body), _LARGE):
        members += members_at_most(body[start : start + _LARGE + 1])
        if start + _LARGE < len(body):
            yield
    return members


def _may_hold_nul(text: bytes) -> bool:
    return b"\\" in text and _NUL in text


def _token_text(token: Raw) -> str:
    return bytes(token).decode().strip('"')


_KEY_TEXTS: Final[dict[DataType, Callable[[Any], str]]] = {
    DataType.DECIMAL: _token_text,
    DataType.BOOLEAN: key_text,
    DataType.DATE: date.isoformat,
}
