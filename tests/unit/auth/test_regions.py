"""Divisions of GB/T 2260 as a tree that changes in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.regions import directory
from auth.regions.checking import fault
from auth.regions.codes import canonical
from auth.regions.directory import Criteria
from auth.regions.register import Level, counties_and_above, every
from auth.regions.tree import ancestors, covers, current, nearest, prefixes, same, spellings
from kernel.errors import NotFound

SHORT = st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)
DIVISIONS = SHORT | st.builds(lambda a, b: a + b, SHORT, st.sampled_from(["001", "000", "120"]))


@pytest.mark.parametrize(
    ("region", "above"),
    [
        ("100000", []),
        ("450000", ["100000"]),
        ("450100", ["450000", "100000"]),
        ("450103", ["450100", "450000", "100000"]),
        ("450103001", ["450103", "450100", "450000", "100000"]),
        ("450103001001", ["450103001", "450103", "450100", "450000", "100000"]),
        # A town directly below a city without districts (441900 东莞).
        ("441900003", ["441900", "440000", "100000"]),
        # 横县 went on as 横州市; of 南宁地区 only the region is left.
        ("450127", ["450100", "450000", "100000"]),
        ("452100", ["100000"]),
        # A code that was never given out has the nearest division that exists.
        ("450199001", ["450100", "450000", "100000"]),
    ],
)
def test_the_ancestors_of_a_division_are_named_nearest_first(region: str, above: list[str]) -> None:
    assert list(ancestors(region)) == above


@pytest.mark.parametrize("spelling", ["450100", "450100000", "450100000000"])
def test_one_division_has_one_spelling(spelling: str) -> None:
    assert canonical(spelling) == "450100"


@given(DIVISIONS)
def test_every_ancestor_covers_the_division_and_is_spelt_canonically(region: str) -> None:
    above = list(ancestors(region))
    assert all(covers(upper, region) and canonical(upper) == upper for upper in above)
    assert current(region) not in above
    assert len(set(above)) == len(above)


@given(DIVISIONS)
def test_the_nearest_is_the_region_itself_where_it_has_one(region: str) -> None:
    own = current(region)
    assert nearest(region, {own, *ancestors(region)}) == own
    assert nearest(region, set()) is None


def test_a_region_without_a_source_has_its_nearest_ancestors() -> None:
    assert nearest("450103001", {"450000", "450100"}) == "450100"
    assert nearest("450103001", {"450000", "450200"}) == "450000"
    assert nearest("450103001", {"440000", "450200"}) is None


@pytest.mark.parametrize(
    ("stored", "today"),
    [
        ("450127", "450181"),
        # 横县 of 南宁地区 had two codes before.
        ("452122", "450181"),
        ("450127100", "450181100"),
        ("450127000000", "450181"),
        # 永新区 went to two districts: what they have in common is the city.
        ("450106", "450100"),
        ("450106001", "450100"),
        ("452100", "450000"),
        ("450181", "450181"),
        ("999999", "999999"),
    ],
)
def test_an_ended_code_stands_for_its_successor(stored: str, today: str) -> None:
    assert current(stored) == today


def test_every_ended_code_leads_to_a_division_in_force() -> None:
    ended = [code for code, each in counties_and_above().items() if not each.in_force]
    assert len(ended) == 119
    assert all(counties_and_above()[current(code)].in_force for code in ended)


def test_what_is_stored_under_an_ended_code_is_found_under_its_successor() -> None:
    assert set(spellings("450181")) >= {"450181", "450127", "452122", "450181000000"}
    assert "450127" in prefixes("450181")
    assert "452123" in prefixes("450100")
    assert prefixes("450000") == ("45",)
    assert prefixes("100000") == ("",)


def test_what_was_divided_is_neither_part() -> None:
    assert same("450127", "450181")
    assert same("450106", "450106")
    assert not same("450106", "450105")
    assert not same("450106", "450100")


@pytest.mark.parametrize("code", ["450000", "100000", "450181", "450103001", "450102001003"])
def test_a_division_in_force_may_be_named(code: str) -> None:
    assert fault(code) is None


@pytest.mark.parametrize(
    ("code", "successors"),
    [
        ("450127", ("450181",)),
        ("452122", ("450181",)),
        ("450106", ("450105", "450107")),
        ("452100", ("450000",)),
        ("450127100", ("450181100",)),
        ("450127999", ("450181",)),
        ("450199", ()),
        ("999999", ()),
        ("450103999", ()),
    ],
)
def test_an_ended_division_is_refused_with_its_successors(
    code: str, successors: tuple[str, ...]
) -> None:
    found = fault(code)
    assert found is not None
    assert (found.path, found.code) == ("region_code", "not_in_code_list")
    assert found.allowed == successors
    assert all(successor in found.zh for successor in successors)


def test_a_code_that_went_on_under_another_name_tells_both() -> None:
    division = directory.get("450103")
    assert division.name == "青秀区"
    assert [(each.name, each.until) for each in division.former_names] == [("新城区", 2004)]


def test_divisions_are_found_by_name_level_and_parent_page_by_page() -> None:
    cities = directory.search(
        Criteria(parent="450000", level=Level.CITY, in_force=True), after=None, limit=200
    )
    assert len(cities) == 14
    rest = directory.search(Criteria(parent="450000", level=Level.CITY), after="450700", limit=3)
    assert [each.code for each in rest] == ["450800", "450900", "451000"]
    named = directory.search(Criteria(q="横"), after=None, limit=10)
    assert {"450127", "450181", "450181100"} <= {each.code for each in named}
    with pytest.raises(NotFound):
        directory.get("450199")


def test_the_parents_of_the_register_are_in_it() -> None:
    known = {each.code for each in every()}
    assert len(known) == 18_211
    parents = {directory.parent(each) for each in every()} - {None}
    assert parents <= known
