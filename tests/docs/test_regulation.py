"""docs/regulation.md names for each of Art 12 to 19 code that is there, and tests that are."""

import re

import pytest

from tests.docs.code_names import definitions, lost
from tests.docs.pages import ROOT, rows, text
from tests.support.likeness import HELD_OUT, LOOKED_AT, measured

PAGE = text("regulation.md")
STORY = "tests/integration/stories/test_articles_12_to_19.py"
ARTICLES = [str(number) for number in range(12, 20)]
NAMED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")


def test_every_article_has_its_row_with_code_and_tests() -> None:
    told = rows(PAGE, "article")
    assert [row["article"] for row in told] == ARTICLES
    for row in told:
        assert NAMED.findall(row["enforced in"]), row
        tests = NAMED.findall(row["tests"])
        assert len(tests) > 1, row
        assert all(file.startswith("tests/") for file, _name in tests), row
    assert lost(PAGE) == []


def test_the_story_has_a_test_for_each_article_and_the_page_names_it() -> None:
    told = sorted(name for name in definitions(STORY) if name.startswith("test_"))
    named = {
        row["article"]: dict(NAMED.findall(row["tests"]))[STORY] for row in rows(PAGE, "article")
    }
    assert sorted(named.values()) == told
    assert all(name.startswith(f"test_article_{number}_") for number, name in named.items())


def test_files_that_are_named_as_tests_hold_some() -> None:
    for file, name in NAMED.findall("".join(row["tests"] for row in rows(PAGE, "article"))):
        found = {each for each in definitions(file) if each.startswith("test_")}
        assert found, file
        assert not name or name in found
        assert (ROOT / file).is_file()


@pytest.mark.parametrize(("half", "called"), [(LOOKED_AT, "odd"), (HELD_OUT, "even")])
def test_likeness_is_as_often_right_as_its_decision_says(half: int, called: str) -> None:
    """Print it anew with `python -m tests.support.likeness`."""
    [told] = [
        row
        for row in rows(text("adr/0039-one-datum-under-many-names.md"), "half")
        if row["half"].startswith(called)
    ]
    found = measured(half)
    assert int(told["pairs"]) == found.pairs
    assert float(told["precision"]) == round(found.precision, 2)
    assert float(told["recall"]) == round(found.recall, 2)
