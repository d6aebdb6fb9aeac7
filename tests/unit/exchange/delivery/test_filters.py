"""Values are compared exactly, by the type that they have in their record's version."""

from typing import Any

import pytest
from msgspec import UNSET, Raw

from catalog.contracts.model import DataType
from exchange.delivery.projection.filters import compile_key_test, compile_test
from exchange.subscriptions.conditions import Condition, Op, Value

T = DataType


def passes(kind: DataType, op: Op, wanted: Value, token: str) -> bool:
    return compile_test(Condition("item", op, wanted), kind)(Raw(token.encode()))


@pytest.mark.parametrize(
    ("kind", "op", "wanted", "token", "expected"),
    [
        # A13: as floats both sides were 12345678901234568.
        (T.DECIMAL, Op.GT, "12345678901234567.8", "12345678901234567.8", False),
        (T.DECIMAL, Op.EQ, "12345678901234567.8", "12345678901234567.8", True),
        (T.DECIMAL, Op.EQ, "12345678901234567.8", '"12345678901234567.80"', True),
        (T.DECIMAL, Op.IN, ("1.10", "2"), "1.1", True),
        (T.DECIMAL, Op.LE, 18, "18.9", False),
        (T.DECIMAL, Op.LE, 18.5, "1.85e1", True),
        (T.DECIMAL, Op.NE, 1, '"NaN"', False),
        (T.DECIMAL, Op.NE, 1, '"1_0"', False),
        # A4: `int` and `bool` of Python took what is none.
        (T.INTEGER, Op.LE, 18, "18.9", False),
        (T.INTEGER, Op.LE, 18, '"18"', False),
        (T.INTEGER, Op.EQ, 9223372036854775807, "9223372036854775807", True),
        (T.BOOLEAN, Op.EQ, True, '"false"', False),
        (T.BOOLEAN, Op.EQ, True, "1", False),
        (T.BOOLEAN, Op.NE, True, "false", True),
        # A14: cut to microseconds, or never equal.
        (T.DATETIME, Op.EQ, "2026-05-01T00:00:00Z", '"2026-05-01T00:00:00.0000009Z"', False),
        (T.DATETIME, Op.GT, "2026-05-01T00:00:00Z", '"2026-05-01T00:00:00.0000009Z"', True),
        (T.DATETIME, Op.GE, "2026-05-01T08:00:00+08:00", '"2026-05-01t00:00:00z"', True),
        (T.DATETIME, Op.IN, ("2026-05-01T08:00:00.0+08:00",), '"2026-05-01T00:00:00Z"', True),
        (T.DATE, Op.LT, "2026-05-02", '"2026-05-01"', True),
        (T.DATE, Op.NE, "2026-05-02", '"20260501"', False),
        (T.STRING, Op.EQ, "1", "1", False),
        (T.STRING, Op.PREFIX, "张", '"\\u5f20\\u4e09"', True),
        (T.CODE, Op.NE, "1", "null", False),
    ],
)
def test_a_value_is_compared_exactly(
    kind: DataType, op: Op, wanted: Value, token: str, expected: bool
) -> None:
    assert passes(kind, op, wanted, token) is expected


@pytest.mark.parametrize("op", [Op.EQ, Op.NE, Op.LT, Op.GE])
@pytest.mark.parametrize("value", [None, UNSET])
@pytest.mark.parametrize("kind", [T.INTEGER, T.STRING, T.DATE])
def test_what_is_absent_or_null_passes_nothing(op: Op, value: Any, kind: DataType) -> None:  # noqa: ANN401
    wanted = 1 if kind is T.INTEGER else "2026-01-01"
    assert not compile_test(Condition("item", op, wanted), kind)(value)


@pytest.mark.parametrize("noise", [b"", b"{", b'"\\ud800"', b'"\xff"', b"[1]", b"9" * 5000])
@pytest.mark.parametrize("kind", list(DataType))
def test_no_noise_breaks_a_comparison(noise: bytes, kind: DataType) -> None:
    for wanted in ("2026-01-01", "2026-01-01T00:00:00Z", 1, True):
        compile_test(Condition("item", Op.NE, wanted), kind)(Raw(noise))


def test_a_comparison_that_the_type_does_not_have_never_holds() -> None:
    assert not passes(T.INTEGER, Op.PREFIX, 1, "12")
    assert not passes(T.INTEGER, Op.EQ, "12", "12")
    assert not passes(T.BOOLEAN, Op.GT, False, "true")


@pytest.mark.parametrize(
    ("kind", "op", "wanted", "part", "expected"),
    [
        (T.INTEGER, Op.GE, 5, "10", True),
        (T.STRING, Op.PREFIX, "45", "4501", True),
        (T.DATETIME, Op.EQ, "2026-05-01T00:00:00Z", "2026-05-01T08:00:00+08:00", True),
        (T.DATE, Op.GT, "2026-05-01", "x", False),
    ],
)
def test_parts_of_a_key_are_compared_by_their_types(
    kind: DataType, op: Op, wanted: Value, part: str, expected: bool
) -> None:
    assert compile_key_test(Condition("item", op, wanted), kind)(part) is expected
