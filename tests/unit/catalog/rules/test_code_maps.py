"""Values of one edition read in a later one, by their successors."""

import pytest

from catalog.rules.code_maps import Edition, EditionValue, MapKind, pairs
from kernel.turns import finished


def edition(*values: EditionValue) -> Edition:
    return {each.value: each for each in values}


def value(code: str, name: str = "名") -> EditionValue:
    return EditionValue(code, name, ended=False)


def ended(code: str, *successors: str) -> EditionValue:
    return EditionValue(code, "名", ended=True, successors=successors)


def mapped(*editions: Edition) -> dict[str, tuple[MapKind, tuple[str, ...]]]:
    return {pair.source: (pair.kind, pair.targets) for pair in finished(pairs(editions))}


OLD = edition(value("1"), value("2", "横县"), value("3"), value("4"), value("5"), value("6"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1", (MapKind.SAME, ("1",))),
        ("2", (MapKind.RENAMED, ("21",))),
        ("3", (MapKind.MERGED, ("34",))),
        ("4", (MapKind.MERGED, ("34",))),
        ("5", (MapKind.SPLIT, ("51", "52"))),
        ("6", (MapKind.ENDED, ())),
    ],
)
def test_each_kind(code: str, expected: tuple[MapKind, tuple[str, ...]]) -> None:
    new = edition(
        value("1"), value("21"), value("34"), value("51"), value("52"),
        ended("2", "21"), ended("3", "34"), ended("4", "34"), ended("5", "51", "52"),
    )  # fmt: skip
    assert mapped(OLD, new)[code] == expected


def test_the_same_code_under_another_name_is_renamed() -> None:
    assert mapped(edition(value("1", "甲")), edition(value("1", "乙")))["1"] == (
        MapKind.RENAMED, ("1",),
    )  # fmt: skip


def test_successors_are_followed_over_editions_and_within_one() -> None:
    first = edition(value("1"))
    second = edition(value("2"), ended("1", "2"))
    third = edition(value("4"), ended("2", "3"), ended("3", "4"))
    assert mapped(first, second, third)["1"] == (MapKind.RENAMED, ("4",))


def test_what_an_edition_no_longer_lists_goes_where_the_one_before_said() -> None:
    announced = EditionValue("1", "名", ended=False, successors=("2",))
    assert mapped(edition(announced, value("2")), edition(value("2")))["1"] == (
        MapKind.MERGED, ("2",),
    )  # fmt: skip


def test_successors_in_a_circle_lead_nowhere() -> None:
    assert mapped(edition(value("1")), edition(ended("1", "2"), ended("2", "1")))["1"] == (
        MapKind.ENDED, (),
    )  # fmt: skip
