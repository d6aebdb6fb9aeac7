"""Which constraints an element may have."""

from decimal import Decimal
from typing import Any

import pytest

from catalog.contracts.model import Checker, DataType
from catalog.rules.code_lists import NewCode, edition_errors
from catalog.rules.elements import NewElement, element_errors
from kernel.errors import FieldError
from kernel.turns import finished


def found(data_type: DataType = DataType.STRING, **constraints: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any field
    element = NewElement(
        code="DE001",
        name="元",
        definition="…",
        data_type=data_type,
        standard="GB 1",
        sensitivity=1,
        personal=False,
        **constraints,
    )
    return [(error.path, error.code) for error in element_errors(element)]


@pytest.mark.parametrize(
    ("data_type", "constraints"),
    [
        (DataType.STRING, {"min_length": 1, "max_length": 18, "pattern": "[0-9]+"}),
        (DataType.STRING, {"checker": Checker.RESIDENT_ID, "max_length": 18}),
        (DataType.STRING, {"checker": Checker.DIVISION_CODE, "min_length": 9, "max_length": 9}),
        (DataType.INTEGER, {"minimum": Decimal(-1), "maximum": Decimal(2**63 - 1)}),
        (DataType.DECIMAL, {"precision": 10, "scale": 2, "minimum": Decimal("0.01")}),
        (DataType.CODE, {"code_list": "GB/T 2261.1"}),
        (DataType.BOOLEAN, {}),
        (DataType.DATE, {}),
        (DataType.DATETIME, {}),
    ],
)
def test_constraints_that_fit_the_type_are_taken(
    data_type: DataType, constraints: dict[str, Any]
) -> None:
    assert found(data_type, **constraints) == []


@pytest.mark.parametrize(
    ("data_type", "constraints", "error"),
    [
        (DataType.INTEGER, {"max_length": 3}, ("max_length", "unknown_item")),
        (DataType.STRING, {"minimum": Decimal(1)}, ("minimum", "unknown_item")),
        (DataType.STRING, {"code_list": "X"}, ("code_list", "unknown_item")),
        (DataType.DATE, {"pattern": "x"}, ("pattern", "unknown_item")),
        (DataType.INTEGER, {"checker": Checker.MOBILE}, ("checker", "unknown_item")),
        (DataType.INTEGER, {"scale": 1, "precision": 2}, ("scale", "unknown_item")),
        (DataType.CODE, {}, ("code_list", "missing")),
        (DataType.STRING, {"min_length": 3, "max_length": 2}, ("min_length", "out_of_range")),
        (
            DataType.DECIMAL,
            {"minimum": Decimal(3), "maximum": Decimal(2)},
            ("minimum", "out_of_range"),
        ),
        (DataType.DECIMAL, {"precision": 2, "scale": 3}, ("scale", "out_of_range")),
        (DataType.DECIMAL, {"scale": 3}, ("precision", "missing")),
        (DataType.INTEGER, {"minimum": Decimal("1.5")}, ("minimum", "wrong_type")),
        (DataType.INTEGER, {"maximum": Decimal(2**63)}, ("maximum", "out_of_range")),
        (
            DataType.STRING,
            {"checker": Checker.USCC, "max_length": 17},
            ("checker", "out_of_range"),
        ),
    ],
)
def test_a_constraint_that_does_not_fit_is_named(
    data_type: DataType, constraints: dict[str, Any], error: tuple[str, str]
) -> None:
    assert error in found(data_type, **constraints)


def codes(*values: str, **changes: Any) -> list[NewCode]:  # noqa: ANN401 - any field
    return [NewCode(value=value, name=value, **changes) for value in values]


def in_edition(items: list[NewCode]) -> list[FieldError]:
    return finished(edition_errors(items))


def test_an_edition_names_each_value_once_and_only_its_own_values() -> None:
    assert in_edition(codes("1", "2")) == []
    assert [e.path for e in in_edition(codes("1", "1"))] == [
        "items[0].value",
        "items[1].value",
    ]
    assert [e.path for e in in_edition(codes("1", parent="9"))] == ["items[0].parent"]
    assert [e.path for e in in_edition(codes("1", successors=("9",)))] == ["items[0].successors[0]"]


def test_a_value_is_not_its_own_ancestor() -> None:
    circle = [
        NewCode(value="1", name="a", parent="2"),
        NewCode(value="2", name="b", parent="1"),
        NewCode(value="3", name="c", parent="1"),
    ]
    assert [e.path for e in in_edition(circle)] == ["items[0].parent"]


def test_a_value_does_not_succeed_itself() -> None:
    """A circle of successors was taken, and led nowhere when an edition was mapped."""
    chain = [
        NewCode(value="1", name="a", successors=("2", "3")),
        NewCode(value="2", name="b", successors=("3",)),
        NewCode(value="3", name="c"),
    ]
    assert in_edition(chain) == []
    circle = [*chain[:2], NewCode(value="3", name="c", successors=("2",))]
    faults = [(e.path, e.code) for e in in_edition(circle)]
    assert faults == [(f"items[{place}].successors", "cycle") for place in range(3)]
    itself = in_edition(codes("1", successors=("1",)))
    # One that two others succeed was looked at twice, and was not there the second time.
    assert in_edition([NewCode(value="1", name="a", successors=("8", "9")), *codes("8", "9")]) == []
    assert [(e.path, e.code) for e in itself] == [("items[0].successors", "cycle")]
