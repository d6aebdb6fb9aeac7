"""Row filters on values of one record version: a record shows only if every condition holds (P3).

Pure. Values are compared exactly: decimals by the digits that stand in the record, moments to their
last digit, integers and booleans only where JSON has such a token. What is absent, null or of
another type passes no comparison, `ne` included.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw

from catalog.contracts.model import DataType
from exchange.latest.values import READERS, Incomparable, wanted_value
from exchange.subscriptions.conditions import COMPARE, OPS, Condition

Test = Callable[[Any], bool]

_decode_text: Final = msgspec.json.Decoder(str).decode


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
            operand = frozenset(wanted_value(value, data_type) for value in condition.value)
        else:
            operand = wanted_value(condition.value, data_type)
    except Incomparable:
        return None
    compare = COMPARE[condition.op]
    return lambda value: compare(value, operand)
