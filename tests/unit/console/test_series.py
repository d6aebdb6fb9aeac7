"""Charts over time: their table tells all, the server's line the same without scripts."""

import re
from datetime import date

from exchange.metering.days import Day, every_day
from gateway.console import render
from gateway.console.series import HEIGHT, WIDTH, of_days, path, series

NUMBER = re.compile(r"-?\d+")


def test_a_line_is_drawn_within_its_bounds_and_leaves_out_what_is_not_known() -> None:
    drawn = path([0, 60, 120, 180], [1.0, None, 4.0, 2.0], 4.0)
    assert drawn.count("M") == 2, "it goes on behind the gap"
    places = [list(map(int, NUMBER.findall(part))) for part in re.split("[ML]", drawn)[1:]]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y, *_ in places)
    assert places[1][1] < places[2][1], "more is higher"
    assert path([], [], 1.0) == ""
    assert path([7], [1.0], 1.0) != "", "one point is seen too"


def test_a_chart_without_figures_says_so_and_needs_no_greatest_value() -> None:
    empty = series("flow", "per_second", [(0, "a"), (60, "b")], [("in", [None, None])])
    assert (empty.known, empty.top) == (False, 1.0)
    assert series("flow", "per_second", [(0, "a")], [("in", [0.0])]).top == 1.0


def test_table_and_line_stand_in_the_page_without_scripts() -> None:
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    chart = of_days("quality_days", "percent", days, [("accurate", [99.5, None])], top=100)
    html = render.environment(english=False).from_string(
        '{% from "charts.html" import chart %}{{ chart(it) }}'
    ).render(it=chart)  # fmt: skip
    assert 'data-at="1772294400"' in html, "the midnight of Shanghai"
    assert 'data-value="99.5"' in html
    assert 'data-value=""' in html
    assert '<path class="l0" d="M3 ' in html
    assert "数据表" in html


def test_a_name_in_a_chart_stays_a_name() -> None:
    chart = of_days("quality_days", "percent", [date(2026, 3, 1)], [("<b>%s</b>", [1.0])])
    html = render.environment(english=True).from_string(
        '{% from "charts.html" import chart %}{{ chart(it) }}'
    ).render(it=chart)  # fmt: skip
    assert "<b>" not in html
    assert "&lt;b&gt;%s" in html


def test_days_on_which_nothing_came_are_days_too() -> None:
    found = every_day([Day(date(2026, 3, 2), 1, 7)], date(2026, 3, 1), date(2026, 3, 3))
    assert [(each.day.day, each.records) for each in found] == [(1, 0), (2, 7), (3, 0)]
