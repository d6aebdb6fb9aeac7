"""Row filters that the resource's contract can make sense of, and the others."""

import pytest

from catalog.contracts.model import DataType, Field
from exchange.subscriptions.conditions import (
    CHOICES_MAX,
    CONDITIONS_MAX,
    TEXT_MAX,
    Condition,
    Op,
    Value,
    check,
    from_json,
    joined,
)
from kernel.errors import FieldErrors

FIELDS = {
    str(kind): Field(name=str(kind), label=str(kind), data_type=kind, required=True, key=False)
    for kind in DataType
}


def errors_of(*conditions: Condition) -> list[tuple[str, str]]:
    errors = FieldErrors()
    check(conditions, FIELDS, errors)
    return [(error.path, error.code) for error in errors.found]


@pytest.mark.parametrize(
    ("item", "op", "value"),
    [
        ("string", "eq", ""),
        ("string", "prefix", "4501"),
        ("code", "in", ("01", "08")),
        ("string", "ge", "a"),
        ("integer", "gt", -3),
        ("integer", "in", (1, 2)),
        ("decimal", "le", "12.50"),
        ("decimal", "le", 12.5),
        ("decimal", "le", 12),
        ("boolean", "ne", True),
        ("date", "ge", "2026-02-28"),
        ("datetime", "lt", "2026-02-28T08:00:00.5+08:00"),
        ("datetime", "lt", "2026-02-28T08:00:00Z"),
        ("datetime", "lt", "2026-02-28t08:00:00.123456789z"),
        ("decimal", "le", "12345678901234567.8"),
    ],
)
def test_a_condition_of_the_items_own_type_is_accepted(item: str, op: str, value: Value) -> None:
    assert errors_of(Condition(item, Op(op), value)) == []


@pytest.mark.parametrize(
    ("item", "op", "value", "path", "code"),
    [
        ("nothing", "eq", "1", "item", "unknown_item"),
        ("integer", "prefix", "1", "op", "not_in_code_list"),
        ("date", "prefix", "2026", "op", "not_in_code_list"),
        ("boolean", "gt", True, "op", "not_in_code_list"),
        ("string", "eq", ("a",), "value", "wrong_type"),
        ("string", "in", "a", "value", "wrong_type"),
        ("string", "in", (), "value", "too_short"),
        ("string", "in", ("a",) * (CHOICES_MAX + 1), "value", "too_long"),
        ("string", "in", ("a", 1), "value[1]", "wrong_type"),
        ("string", "eq", "x" * (TEXT_MAX + 1), "value", "wrong_type"),
        ("string", "eq", 1, "value", "wrong_type"),
        ("code", "eq", True, "value", "wrong_type"),
        ("integer", "eq", True, "value", "wrong_type"),
        ("integer", "eq", 1.0, "value", "wrong_type"),
        ("integer", "eq", 2**63, "value", "wrong_type"),
        ("integer", "eq", "1", "value", "wrong_type"),
        ("decimal", "eq", "NaN", "value", "wrong_type"),
        ("decimal", "eq", "1_000", "value", "wrong_type"),
        ("decimal", "eq", " 1", "value", "wrong_type"),
        ("decimal", "eq", "１", "value", "wrong_type"),
        ("decimal", "eq", float("inf"), "value", "wrong_type"),
        # As a JSON number it has lost its last digits before anybody looked (A13).
        ("decimal", "eq", 12345678901234567.8, "value", "wrong_type"),
        ("decimal", "eq", "", "value", "wrong_type"),
        ("decimal", "eq", "1" * 65, "value", "wrong_type"),
        ("boolean", "eq", 1, "value", "wrong_type"),
        ("date", "eq", "2026-02-30", "value", "wrong_type"),
        ("date", "eq", "2026-W01-1", "value", "wrong_type"),
        ("date", "eq", "20260101", "value", "wrong_type"),
        ("datetime", "eq", "2026-02-28T08:00:00", "value", "wrong_type"),
        ("datetime", "eq", "2026-02-28T25:00:00Z", "value", "wrong_type"),
        ("datetime", "eq", "2026-02-28", "value", "wrong_type"),
    ],
)
def test_every_other_condition_is_refused_where_it_is_wrong(
    item: str, op: str, value: Value, path: str, code: str
) -> None:
    assert errors_of(Condition(item, Op(op), value)) == [(f"row_filter[0].{path}", code)]


def test_the_number_of_conditions_is_bounded() -> None:
    one = Condition("integer", Op.EQ, 1)
    assert errors_of(*[one] * CONDITIONS_MAX) == []
    assert errors_of(*[one] * (CONDITIONS_MAX + 1)) == [("row_filter", "too_long")]


def test_conditions_come_back_from_the_database_as_they_went() -> None:
    conditions = (Condition("a", Op.IN, ("x", "y")), Condition("b", Op.EQ, True))
    assert from_json([condition.as_json() for condition in conditions]) == conditions


def test_joining_keeps_every_condition_once() -> None:
    one, true = Condition("a", Op.EQ, 1), Condition("a", Op.EQ, True)
    assert joined((one,), (one, true)) == (one, true)
