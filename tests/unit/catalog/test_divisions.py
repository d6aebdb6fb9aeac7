"""Divisions of GB/T 2260 as a tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.principal import covers
from catalog.rules.divisions import ancestors, canonical, nearest

SHORT = st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)
DIVISIONS = SHORT | st.builds(lambda a, b: a + b, SHORT, st.sampled_from(["001", "000", "120"]))


@pytest.mark.parametrize(
    ("region", "above"),
    [
        ("450000", []),
        ("450100", ["450000"]),
        ("450103", ["450100", "450000"]),
        ("450103001", ["450103", "450100", "450000"]),
        ("450103001001", ["450103001", "450103", "450100", "450000"]),
        # A town directly below a city without districts (441900 东莞).
        ("441900003", ["441900", "440000"]),
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
    assert canonical(region) not in above
    assert len(set(above)) == len(above)


@given(DIVISIONS)
def test_the_nearest_is_the_region_itself_where_it_has_one(region: str) -> None:
    own = canonical(region)
    assert nearest(region, {own, *ancestors(region)}) == own
    assert nearest(region, set()) is None


def test_a_region_without_a_source_has_its_nearest_ancestors() -> None:
    assert nearest("450103001", {"450000", "450100"}) == "450100"
    assert nearest("450103001", {"450000", "450200"}) == "450000"
    assert nearest("450103001", {"440000", "450200"}) is None
