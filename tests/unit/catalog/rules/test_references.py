"""An item is of its source or refers to it (Order 809 Art 19, P1)."""

import pytest

from catalog.contracts.model import DataType
from catalog.entries import Item, ItemRole
from catalog.rules.entries import draft_errors
from catalog.rules.references import origin_errors, role_errors
from tests.support.catalog import entry, item

OURS, THEIRS = "A", "B"
COLLECTED = item(role=ItemRole.SOURCE)
REFERRED = item("b", role=ItemRole.REFERENCE)


def roles(sources: dict[str, str]) -> list[tuple[str, str]]:
    return [(e.path, e.code) for e in role_errors([COLLECTED, REFERRED], sources, OURS)]


def test_who_is_not_the_source_can_only_refer_to_it() -> None:
    assert roles({"DE001": THEIRS}) == [("items[0].role", "not_the_source")]
    assert roles({"DE001": OURS}) == []


def test_a_reference_to_an_element_without_a_source_refers_to_nothing() -> None:
    """With `reference` any data was published, whoever its source was (G1)."""
    assert roles({}) == [("items[0].role", "not_the_source"), ("items[1].role", "no_source")]


@pytest.mark.parametrize(
    ("refers_to", "source", "offered", "code"),
    [
        (None, THEIRS, ["r1"], "missing"),
        ("r1", THEIRS, ["r1"], None),
        ("r2", THEIRS, ["r1"], "not_in_code_list"),
        (None, THEIRS, [], None),
        ("r1", THEIRS, [], "not_in_code_list"),
        (None, OURS, ["r1"], None),
    ],
)
def test_a_reference_says_which_resource_of_the_source_it_is_of(
    refers_to: str | None, source: str, offered: list[str], code: str | None
) -> None:
    referred = item(refers_to=refers_to)
    found = list(origin_errors([referred], {"DE001": source}, {"DE001": offered}, OURS))
    assert [(e.code, e.allowed) for e in found] == ([] if code is None else [(code, (*offered,))])


def test_what_a_department_collects_itself_refers_to_nothing() -> None:
    drafted: Item = item(key=True, role=ItemRole.SOURCE, refers_to="r1")
    found = draft_errors(entry(drafted), {"DE001": DataType.STRING})
    assert [(e.path, e.code) for e in found] == [("items[0].refers_to", "not_allowed")]
