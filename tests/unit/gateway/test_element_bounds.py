"""Bounds of numbers are told as they were registered."""

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.api.elements import Bound

BOUND: TypeAdapter[Decimal] = TypeAdapter(Bound)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("9007199254740993.1", "9007199254740993.1"),
        ("0.1", 0.1),
        (99.5, 99.5),
        ("9007199254740993", 9007199254740993),
        ("12345678901234567890", 12345678901234567890),
        ("-0.000000000000000001", -1e-18),
    ],
)
def test_a_bound_is_told_as_it_is(given: object, told: object) -> None:
    """`9007199254740993.1` once became …994.0."""
    value = BOUND.validate_python(given)
    assert value == Decimal(str(given))
    shown: Any = json.loads(BOUND.dump_json(value))
    assert (shown, type(shown)) == (told, type(told))


def test_a_number_that_lost_digits_on_its_way_is_refused() -> None:
    with pytest.raises(ValidationError):
        BOUND.validate_json("9007199254740993.1")
