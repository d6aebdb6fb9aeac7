"""docs/architecture.md walks through code that is there, in as many stops as it says."""

import pytest

from tests.docs.code_names import definitions
from tests.docs.pages import quoted, rows, text

WALKS = {"## A record in": 15, "## A record out": 12}


def stops(heading: str) -> list[tuple[str, str]]:
    """Return file and functions of each stop; an empty cell is the file of the stop before."""
    part = text("architecture.md").partition(heading)[2].partition("\n## ")[0]
    found, file = [], ""
    for number, row in enumerate(rows(part, ""), start=1):
        assert row[""] == str(number)
        file = quoted(row["file"]) or file
        found.append((file, row["function"]))
    return found


@pytest.mark.parametrize(("heading", "most"), WALKS.items())
def test_a_walk_has_no_more_stops_than_it_may_and_none_twice(heading: str, most: int) -> None:
    walked = stops(heading)
    assert 0 < len(walked) <= most
    assert len(set(walked)) == len(walked)


@pytest.mark.parametrize("heading", WALKS)
def test_each_stop_is_in_the_code(heading: str) -> None:
    for file, functions in stops(heading):
        named = [name.strip().strip("`") for name in functions.split(",")]
        assert set(named) <= definitions(file), (file, named)


def test_the_page_can_be_read_at_one_go() -> None:
    assert len(text("architecture.md").splitlines()) <= 200
