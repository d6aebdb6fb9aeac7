"""Finds the costs that explain the benchmark's rows best, and compares what they foretell; pure.

Least squares of relative errors, no cost below nought: a request costs `a`, a record in it `b`,
and the rows say how much processor time many of them took together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from loadtests import records
from loadtests.capacity import costs as kind
from loadtests.capacity.costs import FETCH, KEYED, PAGE, POLL, PROJECT, PUBLISH, Costs, Line, Point
from loadtests.capacity.demands import Demand, cores
from loadtests.results import Case, Results
from loadtests.targets import Measured

# Single records of many callers meet in one resource and are merged: a cost of its own, which only
# tells what the key adds to it.
CROWDED = "crowded"
# What one request of each row is. Those that are checked must not be fitted.
FITTED: Mapping[str, Sequence[str]] = {
    "publish-1-alone": (PUBLISH,),
    "publish-500": (PUBLISH,),
    "publish-1": (CROWDED,),
    "publish-1-keyed": (CROWDED, KEYED),
    "pull-100-tail": (PAGE,),
    "pull-500-tail": (PAGE,),
    "pull-500": (PAGE, FETCH),
    "pull-catch-up": (PAGE, FETCH),
    "pull-500-masked": (PAGE, FETCH, PROJECT),
    "pull-nothing": (POLL,),
}
CHECKED: Mapping[str, Sequence[str]] = {
    "publish-100": (PUBLISH,),
    "pull-500-masked-quota": (PAGE, FETCH, PROJECT),
    "pull-500-masked-tail": (PAGE,),
}
SHAPE = (len(records.NARROW), len(records.MASKS))
# A part that used less than this of a core says more of the clock than of the model.
TELLING_CORES = 0.05
# A part that used less of a core than this has an error not far from the clock's own tick.
LEAST_CORES = 0.02

Floats = NDArray[np.float64]
Column = tuple[str, bool]


def points(results: Results, rows: Mapping[str, Sequence[str]]) -> list[Point]:
    """Return the rows of a benchmark as known work, those that it measured."""
    measured = Measured(results.cases)
    found = ((measured.own(name), works) for name, works in rows.items())
    return [_point(case, works) for case, works in found if case]


def _point(case: Case, works: Sequence[str]) -> Point:
    requests = round(case.requests_per_second * case.seconds)
    answered = round(case.records_per_second * case.seconds)
    return Point(
        name=case.name,
        seconds=case.seconds,
        done={work: (requests, answered if work in kind.WITH_RECORDS else 0) for work in works},
        cpu_seconds={part: case.cpu_seconds.get(part, 0.0) for part in kind.PARTS},
        others_cores=round(case.others_cpu_seconds / case.seconds, 2),
        shape=SHAPE if PROJECT in works else None,
    )


def refitted(costs: Costs, results: Results) -> Costs:
    """Return the costs with those that the rows of a benchmark tell; the others stay.

    Raises ValueError where a row is missing that the fit needs.
    """
    fitted = points(results, FITTED)
    if missing := FITTED.keys() - {point.name for point in fitted}:
        raise ValueError(f"the benchmark lacks {', '.join(sorted(missing))}")
    found = fit(fitted, {part: _idle(costs, part) for part in kind.PARTS})
    found.pop(CROWDED)
    case = Measured(results.cases).own("publish-500")
    held = case.memory_bytes if case else {}
    return replace(
        costs,
        measured_at=results.started_at,
        rounds=results.rounds,
        machine=results.machine,
        work={**costs.work, **found},
        memory_bytes={
            part: held.get(part, 0) // _processes(costs, part) or costs.memory_bytes[part]
            for part in kind.PARTS
        },
        fitted=fitted,
        checked=points(results, CHECKED),
        bounded=[],
    )


def _idle(costs: Costs, part: str) -> float:
    return costs.idle_cores.get(part, 0.0) * _processes(costs, part)


def _processes(costs: Costs, part: str) -> int:
    return costs.workers if part == kind.GATEWAY else 1


def fit(points: Sequence[Point], idle_cores: Mapping[str, float]) -> dict[str, dict[str, Line]]:
    """Return the cost of each work on each part; `idle_cores` are of all processes of a part."""
    by_part = {part: _part(points, part, idle_cores.get(part, 0.0)) for part in kind.PARTS}
    return {
        work: {part: line for part in kind.PARTS if (line := by_part[part][work]) != Line()}
        for work in _works(points)
    }


def _works(points: Sequence[Point]) -> Iterable[str]:
    return dict.fromkeys(work for point in points for work in point.done)


def _part(points: Sequence[Point], part: str, idle: float) -> dict[str, Line]:
    columns: list[Column] = [(work, False) for work in _works(points) if work != PROJECT]
    columns += [(work, True) for work in _works(points) if work in kind.WITH_RECORDS]
    done = np.array([[point.done.get(w, (0, 0))[r] for w, r in columns] for point in points], float)
    spent = np.array(
        [max(0.0, p.cpu_seconds.get(part, 0.0) - idle * p.seconds) * 1e6 for p in points]
    )
    weights = 1 / np.maximum(spent, [point.seconds * LEAST_CORES * 1e6 for point in points])
    found = non_negative(done * weights[:, None], spent * weights)
    each: dict[Column, float] = dict(zip(columns, map(float, found), strict=True))
    return {
        work: Line(round(each.get((work, False), 0.0), 3), round(each.get((work, True), 0.0), 4))
        for work in _works(points)
    }


def non_negative(matrix: Floats, wanted: Floats) -> Floats:
    """Return the least squares of `matrix @ x - wanted`; what would fall below nought is nought."""
    scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    kept, solution = list(range(matrix.shape[1])), np.zeros(matrix.shape[1])
    while kept:
        found = np.linalg.lstsq(matrix[:, kept] / scale[kept], wanted, rcond=None)[0]
        if found.min() >= 0:
            solution[kept] = found / scale[kept]
            break
        kept.pop(int(found.argmin()))
    return solution


@dataclass(frozen=True, slots=True)
class Verdict:
    """CPU seconds of one part in one point; `error` is that of the prediction, 0.1 for 10 %."""

    point: Point
    part: str
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1

    @property
    def per_request(self) -> tuple[float, float]:
        """Microseconds of each answered request: predicted, measured."""
        answered = sum(self.point.done.get(work, (0, 0))[0] for work in (PUBLISH, PAGE, POLL))
        return self.predicted / answered * 1e6, self.measured / answered * 1e6


def verdicts(costs: Costs, points: Sequence[Point]) -> list[Verdict]:
    """Return one for each part of each point that was busy enough to tell."""
    return [
        Verdict(point, part, predicted(costs, point, part), point.cpu_seconds[part])
        for point in points
        for part in kind.PARTS
        if point.cpu_seconds.get(part, 0.0) > TELLING_CORES * point.seconds
    ]


def predicted(costs: Costs, point: Point, part: str) -> float:
    """Return the CPU seconds that the costs foretell for what a point has done."""
    demands = [
        Demand(
            work,
            requests / point.seconds,
            records / requests,
            point.shape if work == PROJECT else None,
        )
        for work, (requests, records) in point.done.items()
        if requests
    ]
    return (_idle(costs, part) + cores(costs, demands, part)) * point.seconds


def worst(costs: Costs, part: str) -> float:
    """Return the largest error, either way, of a part in the points that check the costs."""
    found = verdicts(costs, costs.checked)
    return max((abs(each.error) for each in found if each.part == part), default=0.0)
