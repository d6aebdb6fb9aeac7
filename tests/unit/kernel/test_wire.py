from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from kernel.wire import DEPTH_MAX, Day, Wire


class Thing(Wire):
    name: str = ""
    day: Day | None = None
    any: Any = None


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        {"unknown": 1},
        {"day": 0},
        {"day": "2026-1-1"},
        {"day": "2026-01-01T00:00:00"},
        {"day": "２０２６-01-01"},
    ],
)
def test_what_is_no_field_and_no_day_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Thing.model_validate(value)


@pytest.mark.parametrize(
    "value",
    [
        {"name": "数源 \U0001f600"},
        {"any": {"a": [1, 1.5, None, True, "x"]}},
        {"any": nested(DEPTH_MAX - 1)},
        {"day": "2026-01-31"},
        {"day": date(2026, 1, 31)},
    ],
)
def test_what_can_be_stored_is_taken(value: dict[str, Any]) -> None:
    Thing.model_validate(value)


def test_text_loses_its_margins() -> None:
    assert Thing(name="  x ").name == "x"
