"""Costs are found again in points that were made of them, and none is below nought."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.capacity.costs import GATEWAY, KEYED, PAGE, POLL, PUBLISH, Line, Point
from loadtests.capacity.fitting import fit, non_negative

CENT = st.integers(0, 100_000).map(lambda number: number / 100)


def point(name: str, done: Mapping[str, tuple[int, int]], costs: Mapping[str, Line]) -> Point:
    spent = sum(
        requests * costs[work].request + records * costs[work].record
        for work, (requests, records) in done.items()
    )
    return Point(name=name, seconds=1.0, done=done, cpu_seconds={GATEWAY: spent / 1e6 + 0.5})


@given(CENT, CENT, CENT, CENT)
def test_costs_are_found_in_points_made_of_them(
    request: float, record: float, keyed: float, poll: float
) -> None:
    made = {PUBLISH: Line(request, record / 100), KEYED: Line(keyed), POLL: Line(poll)}
    points = [
        point("1", {PUBLISH: (10_000, 10_000)}, made),
        point("100", {PUBLISH: (5_000, 500_000)}, made),
        point("1000", {PUBLISH: (500, 500_000)}, made),
        point("keyed", {PUBLISH: (3_000, 3_000), KEYED: (3_000, 0)}, made),
        point("poll", {POLL: (2_000, 0)}, made),
    ]
    found = fit(points, {GATEWAY: 0.5})
    for work, line in made.items():
        seen = found[work].get(GATEWAY, Line())
        assert seen.request == pytest.approx(line.request, abs=0.01)
        assert seen.record == pytest.approx(line.record, abs=0.001)


def test_a_part_that_does_nothing_costs_nothing() -> None:
    made = {PAGE: Line(100, 1)}
    points = [point(str(n), {PAGE: (1_000, n * 1_000)}, made) for n in (100, 1_000)]
    assert fit(points, {})[PAGE].keys() == {GATEWAY}


matrices = st.integers(1, 4).flatmap(
    lambda columns: st.tuples(
        st.lists(
            st.lists(st.floats(0, 10), min_size=columns, max_size=columns), min_size=4, max_size=8
        ),
        st.lists(st.floats(-10, 10), min_size=8, max_size=8),
    )
)


@given(matrices)
def test_no_cost_is_below_nought_and_none_can_be_bettered(
    drawn: tuple[list[list[float]], list[float]],
) -> None:
    """The conditions of Karush, Kuhn and Tucker, that only the least squares fulfil."""
    matrix, wanted = np.array(drawn[0]), np.array(drawn[1][: len(drawn[0])])
    found = non_negative(matrix, wanted)
    assert (found >= 0).all()
    scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-9)
    slope = matrix.T @ (wanted - matrix @ found) / scale
    assert (slope <= 1e-6).all(), "more of some cost would explain more"
    assert np.abs(slope[found * scale > 1e-6]).max(initial=0.0) <= 1e-6


def test_what_would_come_out_below_nought_is_nought() -> None:
    found = non_negative(np.array([[1.0, 1.0], [1.0, 100.0]]), np.array([10.0, 1.0]))
    assert found[1] == 0.0
    assert found[0] == pytest.approx(5.5)
