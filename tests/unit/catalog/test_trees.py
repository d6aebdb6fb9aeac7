"""How counts of entries are laid out as trees."""

import pytest

from catalog.trees import _classes, _divisions

COUNTS = {"101001": 3, "101002": 2, "102": 1, "307001": 4, "3070010005": 5}


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        ("", [("1", 6, True), ("3", 9, True)]),
        ("1", [("101", 5, True), ("102", 1, False)]),
        ("102", []),
        ("307", [("307001", 9, True)]),
        ("307001", [("3070010005", 5, False)]),
    ],
)
def test_classes_have_their_levels(parent: str, expected: list[tuple[str, int, bool]]) -> None:
    below = {code: count for code, count in COUNTS.items() if code.startswith(parent)}
    found = [(each.code, each.resources, each.has_below) for each in _classes(below, parent)]
    assert found == expected


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        ("100000", [("450000", 11, True)]),
        ("450000", [("450100", 9, True)]),
        # 450127 (横县, to 2021) is 450181 today: one node for both codes.
        ("450100", [("450103", 4, True), ("450181", 3, False)]),
        ("450200", []),
    ],
)
def test_an_ended_division_counts_as_its_successor(
    parent: str, expected: list[tuple[str, int, bool]]
) -> None:
    counts = {"450000": 2, "450100": 2, "450127": 1, "450181": 2, "450103": 1, "450103001": 3}
    found = [(each.code, each.resources, each.has_below) for each in _divisions(counts, parent)]
    assert found == expected
