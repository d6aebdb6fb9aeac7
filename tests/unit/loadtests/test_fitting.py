"""Costs are found again in points that were made of them, and none is below nought."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.capacity.checking import worst
from deploy.capacity.costs import (
    FETCH,
    GATEWAY,
    KEYED,
    PAGE,
    PARTS,
    POLL,
    PROJECT,
    PUBLISH,
    SEAL,
    Line,
    Point,
)
from loadtests.fitting import CHECKED, CROWDED, FITTED, fit, non_negative, refitted
from loadtests.results import Case, Results
from tests.support.capacity import COSTS, MACHINE

CENT = st.integers(0, 100_000).map(lambda number: number / 100)


def point(name: str, done: Mapping[str, tuple[int, int]], costs: Mapping[str, Line]) -> Point:
    spent = sum(
        requests * costs[work].request + records * costs[work].record
        for work, (requests, records) in done.items()
    )
    return Point(name=name, seconds=1.0, done=done, cpu_seconds={GATEWAY: spent / 1e6 + 0.5})


@settings(deadline=None)  # the first solution loads a library
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


def test_what_would_come_out_below_nought_is_nought() -> None:
    found = non_negative(np.array([[1.0, 1.0], [1.0, 100.0]]), np.array([10.0, 1.0]))
    assert found[1] == 0.0
    assert found[0] == pytest.approx(5.5)


MADE = {
    PUBLISH: Line(200, 3),
    CROWDED: Line(90),
    KEYED: Line(150),
    PAGE: Line(100, 0.5),
    FETCH: Line(300, 1),
    PROJECT: Line(0, 2),
    POLL: Line(400),
}


def row(name: str, works: Sequence[str], records: int) -> Case:
    """A row of a benchmark of ten seconds, whose gateway costs what `MADE` says."""
    requests = 100.0
    each = sum(MADE[work].request + MADE[work].record * records for work in works)
    idle = COSTS.idle_cores[GATEWAY] * COSTS.workers * 10
    return Case(
        name=name, system="shuyuan", generator="raw", requests_per_second=requests,
        records_per_second=requests * records, p50_ms=1.0, p99_ms=1.0, failures=0,
        cpu_seconds={**dict.fromkeys(PARTS, 0.0), GATEWAY: each * requests * 10 / 1e6 + idle},
        cpu_us_per_record={}, records_answered=1, records_read_back=1, seconds=10.0, callers=1,
        workers=2, memory_bytes=dict.fromkeys(PARTS, 10**8), others_cpu_seconds=0.0,
    )  # fmt: skip


def benchmark(*without: str) -> Results:
    size = {"publish-500": 500, "publish-100": 100, "pull-100-tail": 100, "pull-catch-up": 10_000}
    size |= {name: 1 for name in FITTED if name.startswith("publish-1")} | {"pull-nothing": 0}
    cases = [
        row(name, works, size.get(name, 500))
        for name, works in {**FITTED, **CHECKED}.items()
        if name not in without
    ]
    return Results(
        started_at="2026-11-30T00:00:00+00:00", seconds=1.0, machine=MACHINE, cases=cases,
        indicative=False, others_share=0.0, rounds=5,
    )  # fmt: skip


def test_a_benchmarks_rows_tell_the_costs() -> None:
    found = refitted(COSTS, benchmark())
    for work, line in MADE.items():
        if work != CROWDED:
            seen = found.line(work, GATEWAY)
            assert seen.request == pytest.approx(line.request, abs=1)
            assert seen.record == pytest.approx(line.record, abs=0.01)
    assert CROWDED not in found.work
    assert worst(found, GATEWAY) < 0.01
    assert {point.name for point in found.checked} == CHECKED.keys()
    assert found.memory_bytes[GATEWAY] == 10**8 // 2


def test_what_the_rows_do_not_tell_stays() -> None:
    assert refitted(COSTS, benchmark()).work[SEAL] == COSTS.work[SEAL]


def test_a_fit_that_lacks_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks pull-nothing"):
        refitted(COSTS, benchmark("pull-nothing"))
