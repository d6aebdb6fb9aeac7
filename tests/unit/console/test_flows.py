"""Flows as bands, and the league of deadlines."""

import re

from gateway.api.statistics_shapes import FlowView, IndicatorView
from gateway.console.flows import drawn
from gateway.console.sankey import BANDS_MAX, HEIGHT, Link, sankey
from gateway.console.standings import standings

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def test_bands_are_as_wide_as_what_flows_and_bars_as_their_bands() -> None:
    links = [Link("a", "x", 300), Link("a", "y", 100), Link("b", "x", 200)]
    drawing = sankey(links, {"a": "甲部门", "x": "某某某某某某某某某某某部门"})
    assert drawing is not None
    heights = {(bar.name, bar.anchor): bar.height for bar in drawing.bars}
    assert heights["甲部门", "end"] == round(HEIGHT * 400 / 600, 1)
    assert heights["b", "end"] == round(HEIGHT * 200 / 600, 1)
    assert sum(height for (_, anchor), height in heights.items() if anchor == "start") == HEIGHT
    (cut,) = [bar.short for bar in drawing.bars if bar.short.endswith("…")]
    assert len(cut) == 10
    assert drawing.bands[0].title.endswith(": 300")
    for band in drawing.bands:
        assert max(map(float, NUMBER.findall(band.path))) <= drawing.width


def test_what_is_too_much_to_follow_is_left_to_the_table() -> None:
    links = [Link(f"o{n}", f"t{n}", n) for n in range(BANDS_MAX + 6)]
    drawing = sankey(links, {})
    assert drawing is not None
    assert (len(drawing.bands), drawing.left) == (BANDS_MAX, 5), "what does not flow is no flow"
    assert sankey([], {}) is None
    assert sankey([Link("a", "b", 0)], {}) is None


def test_a_department_may_stand_at_both_sides() -> None:
    flow = {"answers": 1, "records": 10, "bytes": 100}
    items = [
        FlowView(provider_department="a", provider_name="甲", consumer_department="b", **flow),
        FlowView(provider_department="b", consumer_department="a", **flow),
    ]
    drawing = drawn(items, "records")
    assert drawing is not None
    assert sorted((bar.name, bar.anchor) for bar in drawing.bars) == [
        ("b", "end"), ("b", "start"), ("甲", "end"), ("甲", "start"),
    ]  # fmt: skip


def figure(id_: str, group: str, numerator: int, denominator: int) -> IndicatorView:
    return IndicatorView(
        id=id_, name="", name_en="", formula="", formula_en="", group=group, group_name=None,
        numerator=numerator, denominator=denominator, value=None,
    )  # fmt: skip


def test_the_league_is_led_by_who_keeps_most_deadlines() -> None:
    found = standings(
        [
            figure("updated_timely", "without", 5, 5),
            figure("answered_timely", "half", 1, 2),
            figure("answered_timely", "all", 3, 3),
            figure("corrected_timely", "all", 1, 1),
            figure("answered_timely", "more", 9, 9),
            figure("calls", "calls", 7, 0),
        ]
    )
    assert [each.group for each in found] == ["more", "all", "half", "without"]
    assert [each.percent for each in found] == [100.0, 100.0, 50.0, None]
    assert (found[1].kept, found[1].due) == (4, 4)
