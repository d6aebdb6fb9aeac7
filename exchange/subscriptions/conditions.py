"""Row filters: which records a subscription may see; conditions are joined by AND; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from catalog.contracts.model import DataType, Field
from kernel.errors import FieldErrors
from kernel.moments import read_moment

CONDITIONS_MAX = 20
CHOICES_MAX = 1000
TEXT_MAX = 512
INTEGER_MAX = 2**63 - 1
DECIMAL_DIGITS_MAX = 64
FLOAT_DIGITS_MAX = 15
"""A JSON number with more digits may have lost some when it was read as a float."""

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]


class Op(StrEnum):
    EQ = "eq"
    NE = "ne"
    IN = "in"
    PREFIX = "prefix"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of an item with a value; `in` has a tuple of values."""

    item: str
    op: Op
    value: Value

    @property
    def values(self) -> tuple[Scalar, ...]:
        return self.value if isinstance(self.value, tuple) else (self.value,)

    def as_json(self) -> dict[str, Any]:
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"item": self.item, "op": str(self.op), "value": value}


_TEXT_OPS = frozenset(Op)
_ORDERED_OPS = frozenset(Op) - {Op.PREFIX}
_BOOLEAN_OPS = frozenset({Op.EQ, Op.NE, Op.IN})

# Text is ordered by code point; decimals, dates and moments by their value.
OPS: Final[Mapping[DataType, frozenset[Op]]] = {
    DataType.STRING: _TEXT_OPS,
    DataType.CODE: _TEXT_OPS,
    DataType.INTEGER: _ORDERED_OPS,
    DataType.DECIMAL: _ORDERED_OPS,
    DataType.DATE: _ORDERED_OPS,
    DataType.DATETIME: _ORDERED_OPS,
    DataType.BOOLEAN: _BOOLEAN_OPS,
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


def from_json(conditions: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """Read conditions back as they were stored."""
    return tuple(
        Condition(
            stored["item"],
            Op(stored["op"]),
            tuple(stored["value"]) if isinstance(stored["value"], list) else stored["value"],
        )
        for stored in conditions
    )


def joined(first: Sequence[Condition], second: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return the conditions of both, each once: a record must satisfy them all."""
    texts = [repr(condition) for condition in first]
    return (*first, *(c for c in second if repr(c) not in texts))


def check(
    conditions: Sequence[Condition],
    fields: Mapping[str, Field],
    errors: FieldErrors,
    path: str = "row_filter",
) -> None:
    """Add an error for every condition that the resource's contract cannot make sense of."""
    if len(conditions) > CONDITIONS_MAX:
        errors.add(
            path,
            "too_long",
            f"至多 {CONDITIONS_MAX} 个条件",
            f"at most {CONDITIONS_MAX} conditions",
        )
        return
    for index, condition in enumerate(conditions):
        _check_one(condition, fields, errors, f"{path}[{index}]")


def _check_one(
    condition: Condition, fields: Mapping[str, Field], errors: FieldErrors, path: str
) -> None:
    field = fields.get(condition.item)
    if field is None:
        errors.add(
            f"{path}.item",
            "unknown_item",
            f"资源没有信息项 {condition.item}",
            f"the resource has no item {condition.item}",
        )
    elif condition.op not in OPS[field.data_type]:
        errors.add(
            f"{path}.op",
            "not_in_code_list",
            f"{field.data_type} 类型的信息项不支持 {condition.op}",
            f"an item of type {field.data_type} cannot be compared by {condition.op}",
            allowed=sorted(OPS[field.data_type]),
        )
    else:
        _check_value(condition, field, errors, f"{path}.value")


def _check_value(condition: Condition, field: Field, errors: FieldErrors, path: str) -> None:
    value = condition.value
    if isinstance(value, tuple) != (condition.op is Op.IN):
        errors.add(
            path,
            "wrong_type",
            "op 为 in 时须为列表，否则须为单个值",
            "must be a list exactly when op is in",
        )
    elif isinstance(value, tuple):
        _check_choices(value, field, errors, path)
    else:
        _check_scalar(value, field, errors, path)


def _check_choices(
    values: tuple[Scalar, ...], field: Field, errors: FieldErrors, path: str
) -> None:
    if not values:
        errors.add(path, "too_short", "列表不能为空", "the list is empty")
    elif len(values) > CHOICES_MAX:
        errors.add(path, "too_long", f"至多 {CHOICES_MAX} 个值", f"at most {CHOICES_MAX} values")
    else:
        for index, value in enumerate(values):
            _check_scalar(value, field, errors, f"{path}[{index}]")


def _check_scalar(value: Scalar, field: Field, errors: FieldErrors, path: str) -> None:
    if not FITS[field.data_type](value):
        hint = HINTS.get(field.data_type, ("", ""))
        errors.add(
            path,
            "wrong_type",
            f"须为 {field.data_type} 类型的值{hint[0]}",
            f"must be a value of type {field.data_type}{hint[1]}",
        )


def _is_text(value: Scalar) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX


def _is_integer(value: Scalar) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INTEGER_MAX


def _is_decimal(value: Scalar) -> bool:
    if isinstance(value, str):
        return len(value) <= DECIMAL_DIGITS_MAX and _parses(_finite, value)
    return _is_integer(value) or (isinstance(value, float) and _is_exact(value))


def _is_exact(value: float) -> bool:
    """Whether a number came through the JSON reader with all of its digits."""
    written = Decimal(repr(value))
    return written.is_finite() and len(written.as_tuple().digits) <= FLOAT_DIGITS_MAX


def _is_boolean(value: Scalar) -> bool:
    return isinstance(value, bool)


def _is_date(value: Scalar) -> bool:
    return isinstance(value, str) and len(value) == len("2026-01-01") and _parses(_day, value)


def _is_datetime(value: Scalar) -> bool:
    return isinstance(value, str) and _parses(read_moment, value)


def _parses(parse: Callable[[str], object], value: str) -> bool:
    try:
        parse(value)
    except (ValueError, InvalidOperation):
        return False
    return value.isascii()


def _finite(value: str) -> None:
    if value.strip() != value or "_" in value or not Decimal(value).is_finite():
        raise ValueError


def _day(value: str) -> None:
    if value[4] + value[7] != "--":
        raise ValueError
    date.fromisoformat(value)


HINTS: Final[Mapping[DataType, tuple[str, str]]] = {
    DataType.DECIMAL: (
        "；超过 15 位有效数字须写成字符串",
        "; write more than 15 digits as a string",
    ),
    DataType.DATETIME: (
        "，如 2026-05-01T10:00:00+08:00",
        ", such as 2026-05-01T10:00:00+08:00",
    ),
}
FITS: Final[Mapping[DataType, Callable[[Scalar], bool]]] = {
    DataType.STRING: _is_text,
    DataType.CODE: _is_text,
    DataType.INTEGER: _is_integer,
    DataType.DECIMAL: _is_decimal,
    DataType.DATE: _is_date,
    DataType.DATETIME: _is_datetime,
    DataType.BOOLEAN: _is_boolean,
}
