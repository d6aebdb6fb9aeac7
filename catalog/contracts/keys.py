"""Record keys: the key items in order, joined by "~" (api.md section 5)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from catalog.contracts.model import Contract, Field
from kernel.errors import FieldError, Invalid

KEY_BYTES_MAX: Final = 1024
"""The latest state keeps keys in an index, whose entries PostgreSQL bounds at 2,704 bytes."""

_SEPARATOR: Final = "~"


def key_of(contract: Contract, record: Mapping[str, object]) -> bytes:
    """The key of a record that holds at least the key items; Invalid where one is missing."""
    absent = [field for field in contract.key_fields if record.get(field.name) is None]
    if absent:
        raise Invalid(errors=[_missing(field) for field in absent])
    return join_key([key_text(record[field.name]) for field in contract.key_fields])


def join_key(texts: Sequence[str]) -> bytes:
    return _SEPARATOR.join(map(encode_part, texts)).encode()


def split_key(contract: Contract, key: bytes) -> dict[str, str]:
    """The texts of the key items; ValueError where it is no key of this contract."""
    names = [field.name for field in contract.key_fields]
    return dict(zip(names, split_parts(key, len(names)), strict=True))


def split_parts(key: bytes, count: int) -> list[str]:
    """The texts of so many key items; ValueError where it is no key of as many."""
    parts = [_decode_part(part) for part in key.decode().split(_SEPARATOR)]
    if len(parts) != count or join_key(parts) != key:
        raise ValueError(f"not a key of {count} items")
    return parts


def key_text(value: object) -> str:
    """A value as keys write it: numbers and times as they came, booleans as in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def encode_part(text: str) -> str:
    return text.replace("%", "%25").replace("~", "%7E")


def _decode_part(text: str) -> str:
    return text.replace("%7E", "~").replace("%25", "%")


def _missing(field: Field) -> FieldError:
    return FieldError(
        field.name,
        "missing",
        f"缺少主键项“{field.label}”",
        f"The key item {field.label} is missing",
    )
