"""Keys as lines of the publish path: of what is to be deleted, and of refused records; pure."""

import json
from typing import Any, Final

from catalog.contracts.keys import split_key
from catalog.contracts.model import Contract, DataType

_AS_TEXT: Final = frozenset({DataType.INTEGER, DataType.DECIMAL, DataType.BOOLEAN})
NO_KEY: Final = b"{}"
"""What no contract takes for a key."""


class _Number(str):
    """A number as it stood."""

    __slots__ = ()


def deletion_line(contract: Contract, key: bytes) -> bytes | None:
    """Return the line that deletes a key, None where it is no key of this contract."""
    try:
        texts = split_key(contract, key)
    except ValueError:
        return None
    members = [
        (field.name, texts[field.name] if field.data_type in _AS_TEXT else _text(texts[field.name]))
        for field in contract.key_fields
    ]
    return _object(members)


def key_line(contract: Contract, record: bytes) -> bytes:
    """Return the key items of a refused record as they stood, NO_KEY where they cannot be read."""
    try:
        values = json.loads(record, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        return NO_KEY
    if not isinstance(values, dict):
        return NO_KEY
    members = [
        (field.name, _value(values[field.name]))
        for field in contract.key_fields
        if field.name in values
    ]
    return _object(members)


def _value(value: Any) -> str:  # noqa: ANN401 - whatever somebody sent
    if isinstance(value, _Number):
        return str(value)
    return _text(value) if isinstance(value, str | bool) else "null"


def _text(value: str | bool) -> str:  # noqa: FBT001 - a value of a record
    return json.dumps(value, ensure_ascii=True)


def _object(members: list[tuple[str, str]]) -> bytes:
    return ("{" + ",".join(f"{_text(name)}:{value}" for name, value in members) + "}").encode()
