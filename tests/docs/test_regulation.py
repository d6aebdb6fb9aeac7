"""docs/regulation.md names code for each of Art 12 to 29 and 38 to 41, and tests of it."""

import re
from pathlib import Path

import pytest

from tests.docs.code_names import definitions, lost
from tests.docs.pages import ROOT, rows, text
from tests.support.likeness import HELD_OUT, LOOKED_AT, measured

PAGE = text("regulation.md")
STORIES = ROOT / "tests" / "integration" / "stories"
ARTICLES = {*range(12, 30), *range(38, 42)}
NAMED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")


def test_every_article_has_its_row_with_code_and_tests() -> None:
    told = rows(PAGE, "article")
    assert {int(row["article"]) for row in told} == ARTICLES
    for row in told:
        assert NAMED.findall(row["enforced in"]), row
        tests = NAMED.findall(row["tests"])
        assert len(tests) > 1, row
        assert all(file.startswith("tests/") for file, _name in tests), row
    assert lost(PAGE) == []


def test_every_article_has_a_story_and_each_stands_in_its_row() -> None:
    told = {
        (file, name) for file in map(_file, STORIES.glob("test_articles_*.py"))
        for name in definitions(file) if name.startswith("test_")
    }  # fmt: skip
    named = {
        (int(row["article"]), file, name)
        for row in rows(PAGE, "article")
        for file, name in NAMED.findall(row["tests"])
        if (file, name) in told
    }
    assert {each[1:] for each in named} == told
    assert {article for article, *_ in named} == ARTICLES
    assert all(name.startswith(f"test_article_{article}_") for article, _, name in named)


def _file(path: Path) -> str:
    return str(path.relative_to(ROOT))


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
