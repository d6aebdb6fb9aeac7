"""Rules of quality: which may be declared, and which records keep them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from catalog.contracts.model import DataType, Field
from exchange.quality.rules import Dimension, Kind, Op, Reader, Rule, keeps, rule_errors

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TYPES = {
    "id": DataType.STRING,
    "began": DataType.DATE,
    "ended": DataType.DATE,
    "at": DataType.DATETIME,
    "amount": DataType.DECIMAL,
    "count": DataType.INTEGER,
    "sex": DataType.CODE,
}
FIELDS = {
    name: Field(
        name=name,
        label=name,
        data_type=data_type,
        required=False,
        key=name == "id",
        values=("1", "2") if name == "sex" else None,
    )
    for name, data_type in TYPES.items()
}
READER = Reader(TYPES, {"sex": {"1", "2"}}, NOW)


def rule(kind: Kind, *items: str, **more: Any) -> Rule:  # noqa: ANN401 - any field
    fields = {"id": "r", "dimension": Dimension.ACCURATE, **more}
    return Rule(kind=kind, items=items, **fields)


@pytest.mark.parametrize(
    ("declared", "record", "expected"),
    [
        (rule(Kind.COMPLETE, "id", "sex"), {"id": "1", "sex": "1"}, True),
        (rule(Kind.COMPLETE, "id", "sex"), {"id": "1", "sex": ""}, False),
        (rule(Kind.COMPLETE, "id", "sex"), {"id": "1"}, False),
        (rule(Kind.IN_CODES, "sex"), {"sex": "2"}, True),
        (rule(Kind.IN_CODES, "sex"), {"sex": "9"}, False),
        (rule(Kind.IN_CODES, "sex"), {}, None),
        (
            rule(Kind.COMPARE, "began", "ended", op=Op.LE),
            {"began": "2026-01-01", "ended": "2026-01-01"},
            True,
        ),
        (
            rule(Kind.COMPARE, "began", "ended", op=Op.LT),
            {"began": "2026-01-02", "ended": "2026-01-01"},
            False,
        ),
        (
            rule(Kind.COMPARE, "amount", op=Op.GT, threshold=Decimal("0.1")),
            {"amount": Decimal("0.10000000000000000001")},
            True,
        ),
        (rule(Kind.COMPARE, "count", op=Op.GE, threshold=Decimal(1)), {"count": 0}, False),
        (rule(Kind.COMPARE, "amount", "count", op=Op.EQ), {"amount": 1, "count": 1}, True),
        (rule(Kind.FRESH, "began", threshold=Decimal(30)), {"began": "2026-02-01"}, True),
        (rule(Kind.FRESH, "began", threshold=Decimal(7)), {"began": "2026-02-01"}, False),
        (rule(Kind.FRESH, "at", threshold=Decimal(1)), {"at": "2026-03-02T08:00:00+08:00"}, True),
        (rule(Kind.FRESH, "at", threshold=Decimal(1)), {"at": "2026-03-01T08:59:59Z"}, False),
    ],
)
def test_a_record_keeps_a_rule_or_not(
    declared: Rule, record: dict[str, Any], expected: bool | None
) -> None:
    assert keeps(declared, record, READER) is expected
    assert Rule.of(declared.stored()) == declared
    assert rule_errors([declared], FIELDS) == []


@pytest.mark.parametrize(
    ("declared", "path", "code"),
    [
        (rule(Kind.COMPLETE, "id", id="contract"), "id", "not_allowed"),
        (rule(Kind.COMPLETE, "unknown"), "items", "not_found"),
        (rule(Kind.COMPLETE, "id", threshold=Decimal(2)), "threshold", "out_of_range"),
        (rule(Kind.COMPLETE, "id", op=Op.EQ), "op", "not_allowed"),
        (rule(Kind.IN_CODES, "id"), "items", "wrong_type"),
        (rule(Kind.COMPARE, "began", "ended"), "op", "missing"),
        (rule(Kind.COMPARE, "began", "at", op=Op.LT), "items", "wrong_type"),
        (rule(Kind.COMPARE, "id", "began", "at", op=Op.LT), "items", "too_long"),
        (rule(Kind.COMPARE, "count", op=Op.LT), "threshold", "missing"),
        (rule(Kind.COMPARE, "began", op=Op.LT, threshold=Decimal(1)), "items", "wrong_type"),
        (rule(Kind.FRESH, "id", threshold=Decimal(1)), "items", "wrong_type"),
        (rule(Kind.FRESH, "began"), "threshold", "missing"),
        (rule(Kind.ANSWERED, "id"), "items", "not_allowed"),
        (rule(Kind.ANSWERED, threshold=Decimal(2)), "threshold", "out_of_range"),
        (rule(Kind.ANSWERED, id="reads"), "id", "not_allowed"),
        (rule(Kind.COMPLETE), "items", "missing"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(declared: Rule, path: str, code: str) -> None:
    assert [(e.path, e.code) for e in rule_errors([declared], FIELDS)] == [(f"[0].{path}", code)]


def test_an_id_is_used_once() -> None:
    declared = rule(Kind.COMPLETE, "id")
    errors = rule_errors([declared, declared], FIELDS)
    assert [(e.path, e.code) for e in errors] == [("[0].id", "duplicate"), ("[1].id", "duplicate")]
