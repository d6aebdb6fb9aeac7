"""By which marks a version is found within a department, a division or a class."""

import pytest

from auth.regions.tree import prefixes
from catalog.rules.scopes import below_class, below_region, of_department, scopes

USCC = "11450000000000001A"


def test_a_version_lies_in_its_department_and_in_all_divisions_and_classes_above() -> None:
    marks = scopes(USCC, "450103001", "1010010")
    assert marks[0] == of_department(USCC)
    assert [mark for mark in marks if mark[0] == "r"] == ["r45", "r4501", "r450103", "r450103001"]
    assert below_class("1") in marks
    assert below_class("1010010") in marks
    assert below_class("102") not in marks


@pytest.mark.parametrize("stored", ["450000", "450100", "450127", "450181", "450103001", "110000"])
@pytest.mark.parametrize("asked", ["450000", "450100", "450181", "450103", "450103001", "451000"])
def test_marks_find_what_the_beginnings_of_codes_find(asked: str, stored: str) -> None:
    """The same division under the code that it had before, too: 450127 is 450181 today."""
    by_marks = not set(below_region(asked)).isdisjoint(scopes(USCC, stored, "101"))
    assert by_marks == stored.startswith(prefixes(asked))


def test_all_is_within_the_state() -> None:
    assert below_region("100000") == []
