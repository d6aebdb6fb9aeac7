"""What an entry owes to the data in it: its grade, masks, reviews (Order 809 Art 12–15); pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from catalog.entries import Item, OpenType
from kernel.errors import FieldError

MOST_SENSITIVE = 4


@dataclass(frozen=True, slots=True)
class Nature:
    """How sensitive an element is (1 to 4), and whether it tells of a person."""

    sensitivity: int
    personal: bool


def protection_errors(
    grade: int, open_type: str, items: Collection[Item], natures: Mapping[str, Nature]
) -> Iterator[FieldError]:
    """Yield a grade below that of the items, opened top-grade data, persons shown in clear."""
    floor = max((natures[item.element].sensitivity for item in items), default=1)
    if grade < floor:
        yield FieldError(
            "grade",
            "out_of_range",
            f"数据分级不得低于其信息项的最高敏感级别 {floor}",
            f"the grade cannot lie below that of its most sensitive item, {floor}",
        )
    if open_type != OpenType.CLOSED and grade >= MOST_SENSITIVE:
        yield FieldError(
            "open_type",
            "not_allowed",
            "四级数据不得开放",
            "data of grade 4 are not opened",
            allowed=(str(OpenType.CLOSED),),
        )
    yield from _in_clear(items, natures)


def _in_clear(items: Collection[Item], natures: Mapping[str, Nature]) -> Iterator[FieldError]:
    for place, item in enumerate(items):
        if natures[item.element].personal and item.mask is None and not item.unmasked_reason:
            yield FieldError(
                f"items[{place}].mask",
                "missing",
                "个人信息项须脱敏，或在 unmasked_reason 中说明不脱敏的理由",
                "a personal item is masked, or unmasked_reason says why it is not",
            )


def review_dates(reviews: Mapping[str, Mapping[str, Any]], today: date) -> Iterator[FieldError]:
    """Yield assessments, as stored, that are dated in the future."""
    for name, review in reviews.items():
        if date.fromisoformat(review["date"]) > today:
            yield FieldError(
                f"reviews.{name}.date", "out_of_range", "审查日期在未来", "is in the future"
            )
