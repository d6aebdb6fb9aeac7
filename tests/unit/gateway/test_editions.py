"""An edition of twenty thousand values was once read in one step of the loop (C4, C19)."""

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError

from gateway import strict_json
from gateway.api.code_lists import ERRORS_MAX, EditionIn, _codes
from kernel.turns import finished

ITEMS: list[Any] = [{"value": str(number), "name": "某村"} for number in range(5_000)]


def test_the_items_of_an_edition_are_looked_at_in_turns() -> None:
    turns = sum(1 for _turn in _codes(ITEMS))
    assert turns == len(ITEMS)


def test_what_is_wrong_with_thousands_of_items_is_not_looked_for() -> None:
    wrong = [{f"k{name}": 0 for name in range(10)}] * 5_000
    with pytest.raises(RequestValidationError) as refused:
        finished(_codes(wrong))
    assert len(refused.value.errors()) < ERRORS_MAX + 20


def test_what_was_read_is_counted_in_turns() -> None:
    assert sum(1 for _turn in strict_json._members([ITEMS] * 4, may_be_cut=False)) >= 4


async def test_every_place_that_is_wrong_is_named() -> None:
    wrong = [*ITEMS[:3], {"value": 1, "name": "a"}, {"value": "x", "name": "b\u202e", "c": 1}]
    edition = EditionIn.model_validate(
        {"edition": "1", "effective_from": "2026-01-01", "items": wrong}
    )
    with pytest.raises(RequestValidationError) as refused:
        await edition.codes()
    places = {tuple(error["loc"]) for error in refused.value.errors()}
    assert ("body", "items", 3, "value") in places
    assert any(place[:3] == ("body", "items", 4) for place in places)


async def test_a_right_edition_is_taken() -> None:
    edition = EditionIn.model_validate(
        {"edition": "1", "effective_from": "2026-01-01", "items": ITEMS}
    )
    assert len(await edition.codes()) == len(ITEMS)
