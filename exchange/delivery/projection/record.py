"""Shows records of one contract version: approved items of approved rows, masked (P3); pure.

Items that pass unchanged are copied as the provider's own bytes, in one pass (showing) where
nothing is in doubt; else only masked and filtered ones are decoded.
"""

import hashlib
from collections.abc import Collection, Sequence
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from catalog.contracts.decoding import UNREADABLE
from catalog.contracts.keys import split_parts
from catalog.contracts.model import DataType
from catalog.contracts.readable import body_of, is_key, is_utf8, readable
from exchange.delivery.projection.editions import Unmapped
from exchange.delivery.projection.filters import compile_key_test, compile_test, never
from exchange.delivery.projection.mask import UNKEYED, WORDS, Column, compile_mask, keyed_hash
from exchange.delivery.projection.views import VersionView
from exchange.delivery.showing.presenter import SHOW, WRAP, Presenter

TEXTUAL: Final = frozenset({DataType.STRING, DataType.CODE, DataType.DATE, DataType.DATETIME})
UPSERT: Final = b'{"op":"upsert","key":"%b","data":%b}'
DELETE: Final = b'{"op":"delete","key":"%b"}'
NO_RECORD: Final = b""
"""Stands for the data of a value that cannot be read; None stands for a row that is hidden."""

_DECODED: Final = str | None | UnsetType
_AS_IT_STANDS: Final = Raw | UnsetType
_DECODERS_MAX: Final = 1_000

Lines = list[bytes | None]
encode = msgspec.json.Encoder().encode
encode_lines = msgspec.json.Encoder().encode_lines


class Reason(StrEnum):
    """Why a record of the log cannot be shown to anybody."""

    VERSION = "unknown version"
    KEY = "unreadable key"
    VALUE = "unreadable value"


class Fault(NamedTuple):
    """A record that cannot be read, by its place among those that were asked for."""

    place: int
    reason: Reason


class RecordProjection:
    """One version of a grant; `left` are places of records whose predecessor was a row of it."""

    def __init__(self, view: VersionView) -> None:
        self._masks = [
            (item.name, compile_mask(item.mask, view.hash_key, item.granted))
            for item in view.items
            if item.mask is not None
        ]
        self._crosswalks = [
            (item.name, item.crosswalk) for item in view.items if item.crosswalk is not None
        ]
        self._tests = [
            (field.name, compile_test(condition, field.data_type)) if field else (None, never)
            for condition, field in view.filtered
        ]
        self._key_items = [field.name for field in view.key_items]
        self._key_tests = [
            (self._key_items.index(field.name), compile_key_test(condition, field.data_type))
            for condition, field in view.filtered
            if field is not None and field.key
        ]
        self.needs_predecessors = view.needs_predecessors
        self._key_is_clear = view.key_is_clear
        self._hash_key = view.hash_key
        self._items = [item.name for item in view.items]
        clear = {item.name for item in view.items if item.mask is None}
        as_stored = not self._tests and not self._crosswalks
        whole = as_stored and clear.issuperset(field.name for field in view.fields)
        self._checker = Presenter([], {}, [field.name for field in view.fields]) if whole else None
        self._presenter = _presenter(view) if as_stored else None
        self.identity = _identity(view)
        self._fields = self._place()
        self._decoder = self._decoder_of(view)

    def _place(self) -> dict[str, str]:
        """Name a struct field for every item that is shown or tested."""
        tested = [item for item, _test in self._tests if item is not None]
        names = dict.fromkeys([*self._items, *tested])
        return {item: f"f{place}" for place, item in enumerate(names)}

    def _decoder_of(self, view: VersionView) -> "msgspec.json.Decoder[Any]":
        types = {field.name: field.data_type for field in view.fields}
        decoded = {item for item, _ in self._masks} | {item for item, _ in self._tests}
        decoded |= {item for item, _ in self._crosswalks}
        return _decoder(
            tuple(self._fields.items()),
            tuple([_type_of(item in decoded, types[item]) for item in self._fields]),
        )

    def passing(self, values: Sequence[bytes]) -> list[bool]:
        """Tell which records are rows of the grant; one that cannot be read is none."""
        return [r is not None and self._shows(r) for r in self._decode(values)]

    def text(self, keys: bytes, values: bytes, count: int) -> bytes | None:
        """Return what `lines` returns of keys and values that are a line each, as one text.

        None where anything is in doubt, and where not every record shows.
        """
        if not self._key_is_clear or not _are_plain(keys):
            return None
        if self._checker is not None:
            return self._checker.text(WRAP, keys, values, count)
        if self._presenter is not None:
            return self._presenter.text(SHOW, keys, values, count)
        return None

    def lines(
        self,
        keys: Sequence[bytes],
        values: Sequence[bytes | None],
        left: Collection[int],
        faults: list[Fault],
    ) -> Lines:
        """Return one NDJSON line a record, None for a record that the grant does not show."""
        ready = self._keys(keys)
        upserts = [value for value in values if value]
        if len(upserts) < len(keys) or None in ready:
            return self._mixed(keys, ready, values, left, faults)
        return self._upserts(ready, upserts, left, faults)  # type: ignore[arg-type] # no None

    def _upserts(
        self,
        keys: Sequence[bytes],
        values: Sequence[bytes],
        left: Collection[int],
        faults: list[Fault],
    ) -> Lines:
        shown: Lines
        if not keys:
            return []
        if self._checker is not None:
            shown = self._as_they_came(self._checker, values)
        elif self._presenter and (lines := self._presenter.lines(keys, values)) is not None:
            return list(lines)
        else:
            shown = self._project(values)
        if all(shown):
            return [UPSERT % pair for pair in zip(keys, shown, strict=True)]
        faults += [Fault(p, Reason.VALUE) for p, data in enumerate(shown) if data == NO_RECORD]
        return [
            UPSERT % (key, data) if data else DELETE % key if _leaves(data, place, left) else None
            for place, (key, data) in enumerate(zip(keys, shown, strict=True))
        ]

    def _as_they_came(self, checker: Presenter, values: Sequence[bytes]) -> Lines:
        """Return records of which every item is shown, without blanks around them."""
        if checker.knows(values):
            return list(values)
        return [NO_RECORD if value is None else value for value in readable(values)]

    def _mixed(
        self,
        keys: Sequence[bytes],
        ready: Sequence[bytes | None],
        values: Sequence[bytes | None],
        left: Collection[int],
        faults: list[Fault],
    ) -> Lines:
        """Upserts in one go, deletes one by one, all in their places."""
        pairs = list(zip(ready, values, strict=True))
        places = [place for place, (key, value) in enumerate(pairs) if value and key is not None]
        faults_of_part = list[Fault]()
        upserts = self._upserts(
            [pairs[p][0] for p in places],  # type: ignore[misc] # no None among these
            [pairs[p][1] for p in places],  # type: ignore[misc]
            [nth for nth, place in enumerate(places) if place in left],
            faults_of_part,
        )
        faults += [Fault(places[fault.place], fault.reason) for fault in faults_of_part]
        lines: Lines = [None] * len(pairs)
        for place, line in zip(places, upserts, strict=True):
            lines[place] = line
        for place, (key, value) in enumerate(pairs):
            if key is None:
                faults.append(Fault(place, Reason.KEY))
            elif not value:
                lines[place] = self._delete(keys[place], key, place, left, faults)
        return lines

    def _delete(
        self, key: bytes, ready: bytes, place: int, left: Collection[int], faults: list[Fault]
    ) -> bytes | None:
        """A delete tells its key: only of what was a row, or what the key does not rule out."""
        if self.needs_predecessors:
            return DELETE % ready if place in left else None
        if self._key_tests:
            try:
                parts = split_parts(key, len(self._key_items))
            except ValueError:
                faults.append(Fault(place, Reason.KEY))
                return None
            if not all(test(parts[part]) for part, test in self._key_tests):
                return None
        return DELETE % ready

    def _project(self, values: Sequence[bytes]) -> Lines:
        """Return the data of each record, None where it is hidden, or NO_RECORD."""
        records = self._decode(values)
        readable = [record for record in records if record is not None]
        if self._tests:
            readable = [record for record in readable if self._shows(record)]
        shows = {id(record) for record in readable}
        unmapped = Unmapped() if self._crosswalks else None
        for item, crosswalk in self._crosswalks:
            unmapped.apply(readable, self._fields[item], item, crosswalk)  # type: ignore[union-attr] # made for these
        for item, mask in self._masks:
            _apply(readable, self._fields[item], mask)
        self._leave_out_tested(readable)
        lines = iter(encode_lines(readable).split(b"\n"))
        if unmapped is not None:
            lines = iter(list(map(unmapped.told, readable, lines)))
        return [
            NO_RECORD if record is None else next(lines) if id(record) in shows else None
            for record in records
        ]

    def _decode(self, values: Sequence[bytes]) -> list[Any]:
        """Return a struct for each value, None where there is no record in it."""
        body = body_of(values)
        if body:
            try:
                records = self._decoder.decode_lines(body)
            except UNREADABLE:
                pass
            else:
                if len(records) == len(values):
                    return records
        # Something is foreign, or of a type that its version does not have: read one by one.
        return [None if value is None else self._decode_one(value) for value in readable(values)]

    def _decode_one(self, value: bytes) -> Any:  # noqa: ANN401 - the compiled struct
        record = msgspec.json.decode(value, type=dict[str, Raw])
        shown = self._decoder.type()
        for item, field in self._fields.items():
            if item in record:
                setattr(shown, field, record[item])
        return shown

    def _shows(self, record: Any) -> bool:  # noqa: ANN401 - the compiled struct
        return all(
            item is not None and test(getattr(record, self._fields[item]))
            for item, test in self._tests
        )

    def _leave_out_tested(self, shown: list[Any]) -> None:
        """Take out what was decoded for a test only."""
        for field in list(self._fields.values())[len(self._items) :]:
            for record in shown:
                setattr(record, field, UNSET)

    def _keys(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return keys as they may leave, ready to stand between quotation marks; None for none."""
        if not all(keys) or not is_utf8(b"\n".join(keys)):
            return [self._keys([key])[0] if is_key(key) else None for key in keys]
        if not self._key_is_clear:
            return [keyed_hash(self._hash_key, key).encode() for key in keys]
        if b"".join(keys).isalnum():
            return keys
        return [encode(key.decode())[1:-1] for key in keys]


def _presenter(view: VersionView) -> Presenter:
    masks = {item.name: item.mask for item in view.items if item.mask is not None}
    names = [field.name for field in view.fields]
    return Presenter([item.name for item in view.items], masks, names)


def _are_plain(keys: bytes) -> bool:
    """Whether keys, a line each, stand between quotation marks as they are."""
    return keys[:1] != b"\n" and b"\n\n" not in keys and keys.translate(None, b"\n").isalnum()


def _leaves(data: bytes | None, place: int, left: Collection[int]) -> bool:
    return data is None and place in left


def _identity(view: VersionView) -> bytes:
    """Name all that a line depends on: versions with one name show the same of the same records.

    The subscription's own key is a part of it wherever it may be used.
    """
    masks = [item.mask for item in view.items if item.mask is not None]
    unkeyed = view.key_is_clear and UNKEYED.issuperset(mask.kind for mask in masks)
    facts = (
        [(item.name, item.granted, item.mask) for item in view.items],
        [(condition.as_json(), field and field.name) for condition, field in view.filtered],
        [(field.name, field.data_type, field.key) for field in view.fields],
        b"" if unkeyed else view.hash_key,
        [(item.name, item.crosswalk.identity) for item in view.items if item.crosswalk],
    )
    return hashlib.blake2b(msgspec.msgpack.encode(facts, order="sorted")).digest()


def identity_of_filters(numbers: Sequence[int], views: Sequence[VersionView]) -> bytes:
    """Name all that a row filter's verdict on records of these versions depends on."""
    facts = [
        (number, condition.as_json(), field and (field.name, field.data_type))
        for number, view in zip(numbers, views, strict=True)
        for condition, field in view.filtered
    ]
    return hashlib.blake2b(msgspec.msgpack.encode(facts, order="sorted")).digest()


@lru_cache(maxsize=_DECODERS_MAX)
def _decoder(
    fields: tuple[tuple[str, str], ...], types: tuple[Any, ...]
) -> "msgspec.json.Decoder[Any]":
    """Decode items into the fields beside them; grants that show the same share the class made."""
    members = [(field, kind, UNSET) for (_item, field), kind in zip(fields, types, strict=True)]
    rename = {field: item for item, field in fields}
    return msgspec.json.Decoder(msgspec.defstruct("Shown", members, rename=rename, gc=False))


def _type_of(decoded: bool, data_type: DataType) -> Any:  # noqa: ANN401, FBT001
    return _DECODED if decoded and data_type in TEXTUAL else _AS_IT_STANDS


def _apply(shown: Sequence[Any], field: str, mask: Column) -> None:
    """Put masked values in the place of those that are there."""
    values = list(map(attrgetter(field), shown))
    if set(map(type, values)) <= {str}:
        for record, masked in zip(shown, mask.texts(values), strict=True):
            setattr(record, field, masked)
        return
    for record, value in zip(shown, values, strict=True):
        if value is not UNSET:
            setattr(record, field, _masked(value, mask))


def _masked(value: Any, mask: Column) -> str | None:  # noqa: ANN401 - any JSON scalar
    """Mask a text, a word of JSON, or what else it is as the provider wrote it."""
    if isinstance(value, str):
        return mask.texts([value])[0]
    token = "null" if value is None else bytes(value).decode()
    if token in WORDS:
        return mask.word(token)
    return mask.texts([msgspec.json.decode(token) if token.startswith('"') else token])[0]
