"""What an entry owes to the data in it (Order 809 Art 12–15, G13)."""

from datetime import date

import pytest

from catalog.rules.protection import Nature, protection_errors, review_dates
from tests.support.catalog import entry, item

NATURES = {"DE001": Nature(3, personal=True), "DE002": Nature(1, personal=False)}
MASKED = item(mask={"kind": "hash"})
PLAIN = item("b", "DE002")


def found(grade: int, open_type: str, *items: object) -> list[tuple[str, str]]:
    return [
        (e.path, e.code)
        for e in protection_errors(grade, open_type, items, NATURES)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(("grade", "expected"), [(3, []), (4, []), (2, ["grade"]), (1, ["grade"])])
def test_the_most_sensitive_item_is_the_floor_of_the_grade(grade: int, expected: list[str]) -> None:
    assert [path for path, _code in found(grade, "closed", PLAIN, MASKED)] == expected


@pytest.mark.parametrize("open_type", ["open", "conditional"])
def test_data_of_grade_4_are_not_opened(open_type: str) -> None:
    assert found(4, open_type, PLAIN) == [("open_type", "not_allowed")]
    assert found(3, open_type, PLAIN) == []


def test_a_personal_item_is_masked_or_the_entry_says_why_not() -> None:
    assert found(3, "closed", PLAIN, item()) == [("items[1].mask", "missing")]
    assert found(3, "closed", PLAIN, item(unmasked_reason="办理婚姻登记须核对原号码")) == []


def test_reviews_are_not_dated_in_the_future() -> None:
    """Reviews dated 2099 passed (G14)."""
    reviews = entry().columns()["reviews"]
    reviews["privacy"]["date"] = "2099-01-01"
    errors = list(review_dates(reviews, date(2026, 3, 2)))
    assert [(e.path, e.code) for e in errors] == [("reviews.privacy.date", "out_of_range")]
