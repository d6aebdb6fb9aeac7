"""Values of records as they are compared: exactly, by the type of their item; pure.

Decimals by the digits that stand in the record, moments to their last digit, integers and booleans
only where JSON has such a token.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from catalog.contracts.decoding import UNREADABLE
from catalog.contracts.model import DataType
from catalog.contracts.numbers import INTEGER
from kernel.moments import read_moment

Reader = Callable[[str], Any]
Incomparable: Final = (ValueError, TypeError, InvalidOperation, *UNREADABLE)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS: Final = {"true": True, "false": False}


def _nothing(text: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(text)


def _integer(text: str) -> int:
    return int(text) if INTEGER.fullmatch(text) else _nothing(text)


def _decimal(text: str) -> Decimal:
    return Decimal(text) if _NUMBER.fullmatch(text) else _nothing(text)


def _day(text: str) -> date:
    return date.fromisoformat(text) if _DAY.fullmatch(text) else _nothing(text)


def _boolean(text: str) -> bool:
    return _BOOLEANS[text] if text in _BOOLEANS else _nothing(text)


class Readers(NamedTuple):
    """How a type is read from a JSON string, from a bare JSON token, and from a part of a key."""

    string: Reader
    token: Reader
    key: Reader


READERS: Final[Mapping[DataType, Readers]] = {
    DataType.STRING: Readers(str, _nothing, str),
    DataType.CODE: Readers(str, _nothing, str),
    DataType.INTEGER: Readers(_nothing, _integer, _integer),
    DataType.DECIMAL: Readers(_decimal, _decimal, _decimal),
    DataType.BOOLEAN: Readers(_nothing, _boolean, _boolean),
    DataType.DATE: Readers(_day, _nothing, _day),
    DataType.DATETIME: Readers(read_moment, _nothing, read_moment),
}


def wanted_value(value: str | float | bool, data_type: DataType) -> Any:  # noqa: ANN401, FBT001
    """Read a value that somebody wants as one of the type; raises where it is of another."""
    readers = READERS[data_type]
    if isinstance(value, bool):
        return readers.token("true" if value else "false")
    if isinstance(value, str):
        return Decimal(value) if data_type is DataType.DECIMAL else readers.string(value)
    return Decimal(repr(value)) if data_type is DataType.DECIMAL else readers.token(repr(value))
