"""Row filters on values of one record version: a record shows only if every condition holds (P3).

Pure. Values are compared exactly: decimals by the digits that stand in the record, moments to their
last digit, integers and booleans only where JSON has such a token. What is absent, null or of
another type passes no comparison, `ne` included.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from catalog.contracts.decoding import UNREADABLE
from catalog.contracts.model import DataType
from catalog.contracts.numbers import INTEGER
from exchange.subscriptions.conditions import OPS, Condition, Op
from kernel.moments import read_moment

Test = Callable[[Any], bool]
Reader = Callable[[str], Any]
Incomparable: Final = (ValueError, TypeError, InvalidOperation, *UNREADABLE)

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS: Final = {"true": True, "false": False}
_decode_text: Final = msgspec.json.Decoder(str).decode


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
COMPARE: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.EQ: lambda left, right: bool(left == right),
    Op.NE: lambda left, right: bool(left != right),
    Op.GT: lambda left, right: bool(left > right),
    Op.GE: lambda left, right: bool(left >= right),
    Op.LT: lambda left, right: bool(left < right),
    Op.LE: lambda left, right: bool(left <= right),
    Op.IN: lambda left, right: left in right,
    Op.PREFIX: lambda left, right: left.startswith(right),
}


def never(_value: object) -> bool:
    """The test of an item that a version does not have, or that cannot be compared so."""
    return False


def compile_test(condition: Condition, data_type: DataType) -> Test:
    """Return the test of a decoded text, of a `Raw` token, or of what is neither: None, UNSET."""
    string, token, _key = READERS[data_type]
    compare = _comparison(condition, data_type)
    if compare is None:
        return never

    def test(value: Any) -> bool:  # noqa: ANN401 - any JSON scalar
        kind = type(value)
        try:
            if kind is str:
                return compare(string(value))
            if kind is Raw:
                written = bytes(value)
                if written[:1] == b'"':
                    return compare(string(_decode_text(written)))
                return compare(token(written.decode()))
        except Incomparable:
            return False
        return False

    return test


def compile_key_test(condition: Condition, data_type: DataType) -> Test:
    """Return the test of an item's part of a record key."""
    read = READERS[data_type].key
    compare = _comparison(condition, data_type)
    if compare is None:
        return never

    def test(text: str) -> bool:
        try:
            return compare(read(text))
        except Incomparable:
            return False

    return test


def _comparison(condition: Condition, data_type: DataType) -> Callable[[Any], bool] | None:
    """Return the comparison with the condition's value; None where the type has none such."""
    if condition.op not in OPS[data_type]:
        return None
    operand: Any
    try:
        if isinstance(condition.value, tuple):
            operand = frozenset(_wanted(value, data_type) for value in condition.value)
        else:
            operand = _wanted(condition.value, data_type)
    except Incomparable:
        return None
    compare = COMPARE[condition.op]
    return lambda value: compare(value, operand)


def _wanted(value: str | float | bool, data_type: DataType) -> Any:  # noqa: ANN401, FBT001
    """Read a condition's value as one of the type; raises where it is of another."""
    readers = READERS[data_type]
    if isinstance(value, bool):
        return readers.token("true" if value else "false")
    if isinstance(value, str):
        return Decimal(value) if data_type is DataType.DECIMAL else readers.string(value)
    return Decimal(repr(value)) if data_type is DataType.DECIMAL else readers.token(repr(value))
