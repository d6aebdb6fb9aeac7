"""Projection: exactly the approved items of exactly the approved rows, masked (P3); pure.

Made once per grant. Items that pass unchanged are copied as the provider's own bytes, in one pass
(showing) where nothing is in doubt; else only masked and filtered ones are decoded.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from catalog.contracts.keys import split_key
from catalog.contracts.model import Contract, DataType
from exchange.delivery.filters import compile_filter
from exchange.delivery.mask import UNKEYED, Mask, compile_mask, keyed_hash
from exchange.delivery.showing.presenter import Presenter
from exchange.subscriptions.conditions import Condition

TEXTUAL = frozenset({DataType.STRING, DataType.CODE, DataType.DATE, DataType.DATETIME})
UPSERT = b'{"op":"upsert","key":"%b","data":%b}'
DELETE = b'{"op":"delete","key":"%b"}'
encode = msgspec.json.Encoder().encode
encode_lines = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one grant shows of one resource.

    `known_items` are the items of every version ever published: a stored record has no others.
    """

    items: tuple[str, ...]
    masks: Mapping[str, Mapping[str, Any]]
    conditions: Sequence[Condition]
    contract: Contract
    known_items: frozenset[str]
    hash_key: bytes

    @property
    def types(self) -> dict[str, DataType]:
        return {field.name: field.data_type for field in self.contract.fields}

    @property
    def order(self) -> tuple[str, ...]:
        """All items that a record may have, as its contract has them; those of the past last."""
        names = [field.name for field in self.contract.fields]
        return (*names, *sorted(self.known_items.difference(names)))

    @property
    def key_items(self) -> frozenset[str]:
        return frozenset(field.name for field in self.contract.key_fields)


class Projection:
    def __init__(self, view: View) -> None:
        self._masks: list[tuple[str, Mask]] = [
            (item, compile_mask(mask, view.hash_key))
            for item, mask in view.masks.items()
            if item in view.items
        ]
        self._tests = compile_filter(view.conditions, view.types)
        self._contract = view.contract
        self._key_tests = [(item, test) for item, test in self._tests if item in view.key_items]
        clear = set(view.items) - set(view.masks)
        self._key_is_clear = clear.issuperset(view.key_items)
        self._hash_key = view.hash_key
        self._whole = not self._tests and clear >= view.known_items
        self._items = view.items
        self._presenter = None if self._tests else Presenter(view.items, view.masks, view.order)
        self.identity = _identity(view, clear_key=self._key_is_clear)
        self._fields = self._place(view)
        self._decoder = msgspec.json.Decoder(self._struct(view))

    def _place(self, view: View) -> dict[str, str]:
        """Name a struct field for every item that is shown or tested."""
        tested = {condition.item for condition in view.conditions}
        wanted = [*view.items, *sorted(tested - set(view.items))]
        return {item: f"f{place}" for place, item in enumerate(wanted)}

    def _struct(self, view: View) -> type[msgspec.Struct]:
        types = view.types
        decoded = {item for item, _mask in self._masks} | {item for item, _test in self._tests}
        fields = [
            (field, _type_of(item in decoded, types.get(item)), UNSET)
            for item, field in self._fields.items()
        ]
        rename = {field: item for item, field in self._fields.items()}
        return msgspec.defstruct("Shown", fields, rename=rename, gc=False)

    def lines(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> list[bytes | None]:
        """Return one NDJSON line a record, None for a record that the grant does not show."""
        if not all(values):
            return self._mixed(keys, values)
        ready = self._keys(keys)
        if self._whole:
            return self._upserts(ready, values)
        if self._presenter and (lines := self._presenter.lines(ready, values)) is not None:
            return list(lines)
        return self._upserts(ready, self._project(values))

    def _upserts(self, keys: Sequence[bytes], shown: Sequence[bytes | None]) -> list[bytes | None]:
        if None not in shown:
            return [UPSERT % pair for pair in zip(keys, shown, strict=True)]
        return [
            None if data is None else UPSERT % (key, data)
            for key, data in zip(keys, shown, strict=True)
        ]

    def _mixed(self, keys: Sequence[bytes], values: Sequence[bytes | None]) -> list[bytes | None]:
        """Upserts in one go, deletes one by one, all in their places."""
        places = [place for place, value in enumerate(values) if value]
        upserts = self.lines([keys[p] for p in places], [values[p] for p in places])
        found = dict(zip(places, upserts, strict=True))
        return [
            found[place] if place in found else self._delete(key) for place, key in enumerate(keys)
        ]

    def _project(self, values: Sequence[bytes | None]) -> list[bytes | None]:
        return self._encode(self._decode([value for value in values if value]))

    def _decode(self, values: list[bytes]) -> list[Any]:
        try:
            return self._decoder.decode_lines(b"\n".join(values))
        except msgspec.ValidationError:
            # An item's type differs between versions: these records are read one by one.
            return [self._decode_one(value) for value in values]

    def _decode_one(self, value: bytes) -> Any:  # noqa: ANN401 - the compiled struct
        record = msgspec.json.decode(value, type=dict[str, Raw])
        shown = self._decoder.type()
        for item, field in self._fields.items():
            if item in record:
                setattr(shown, field, record[item])
        return shown

    def _encode(self, shown: list[Any]) -> list[bytes | None]:
        """Apply tests and masks; encode all that is left in one go."""
        kept = [self._passes(record) for record in shown] if self._tests else None
        for item, mask in self._masks:
            _apply(shown, self._fields[item], mask)
        self._hide(shown)
        lines = encode_lines(shown).split(b"\n")[:-1]
        if kept is None:
            return list(lines)
        return [line if show else None for line, show in zip(lines, kept, strict=True)]

    def _passes(self, record: Any) -> bool:  # noqa: ANN401 - the compiled struct
        return all(test(_plain(getattr(record, self._fields[item]))) for item, test in self._tests)

    def _hide(self, shown: list[Any]) -> None:
        """Take out what was decoded for a test only."""
        for field in list(self._fields.values())[len(self._items) :]:
            for record in shown:
                setattr(record, field, UNSET)

    def _delete(self, key: bytes) -> bytes | None:
        """A delete tells only its key: it is left out when the key alone rules it out."""
        if self._key_tests:
            values = split_key(self._contract, key)
            if not all(test(values[item]) for item, test in self._key_tests):
                return None
        [shown] = self._keys([key])
        return DELETE % shown

    def _keys(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Return keys as they may leave, ready to stand between quotation marks."""
        if not self._key_is_clear:
            return [keyed_hash(self._hash_key, key).encode() for key in keys]
        if b"".join(keys).isalnum():
            return keys
        return [encode(key.decode())[1:-1] for key in keys]


def _identity(view: View, *, clear_key: bool) -> bytes:
    """Name all that a line depends on: views of one resource with one name show the same lines.

    The subscription's own key is a part of it wherever it may be used.
    """
    unkeyed = clear_key and UNKEYED.issuperset(mask["kind"] for mask in view.masks.values())
    facts = (
        view.items,
        sorted(view.masks.items()),
        [condition.as_json() for condition in view.conditions],
        [(field.name, field.data_type, field.key) for field in view.contract.fields],
        sorted(view.known_items),
        b"" if unkeyed else view.hash_key,
    )
    return hashlib.blake2b(msgspec.msgpack.encode(facts, order="sorted")).digest()


def _type_of(decoded: bool, data_type: DataType | None) -> Any:  # noqa: ANN401, FBT001
    if decoded and data_type in TEXTUAL:
        return str | None | UnsetType
    return Raw | UnsetType


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON scalar
    if isinstance(value, Raw):
        return msgspec.json.decode(value)
    return None if value is UNSET else value


def _apply(shown: Sequence[Any], field: str, mask: Mask) -> None:
    """Put masked values in the place of those that are there."""
    values = list(map(attrgetter(field), shown))
    if set(map(type, values)) != {str}:
        shown = [record for record, value in zip(shown, values, strict=True) if value is not UNSET]
        values = [_maskable(value) for value in values if value is not UNSET]
    for record, masked in zip(shown, mask(values), strict=True):
        setattr(record, field, masked)


def _maskable(value: Any) -> str:  # noqa: ANN401 - any JSON scalar
    plain = _plain(value)
    return plain if isinstance(plain, str) else _text(value)


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON scalar
    """Return a value that is no string as the provider wrote it; a null is masked as well."""
    return bytes(value).decode() if isinstance(value, Raw) else "null"
