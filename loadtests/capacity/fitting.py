"""Finds the costs that explain measured points best, and compares what they foretell; pure.

Least squares of relative errors, no cost below nought: a request costs `a`, a record in it `b`,
and the points say how much processor time several of them took together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtests.capacity import costs as kind
from loadtests.capacity.costs import Costs, Line, Point
from loadtests.capacity.demands import Demand, cores

# A part that used less than this of a core says more of the clock than of the model.
TELLING_CORES = 0.05
# A part that used less of a core than this has an error not far from the clock's own tick.
LEAST_CORES = 0.02
TOLERANCE = 1e-10

Floats = NDArray[np.float64]
Column = tuple[str, bool]


def fit(points: Sequence[Point], idle_cores: Mapping[str, float]) -> dict[str, dict[str, Line]]:
    """Return the cost of each work on each part; `idle_cores` are of all processes of a part."""
    by_part = {part: _part(points, part, idle_cores.get(part, 0.0)) for part in kind.PARTS}
    works = dict.fromkeys(work for point in points for work in point.done)
    return {
        work: {part: line for part in kind.PARTS if (line := by_part[part][work]) != Line()}
        for work in works
    }


def _part(points: Sequence[Point], part: str, idle: float) -> dict[str, Line]:
    columns = _columns(points)
    done = np.array([[_amount(point, column) for column in columns] for point in points])
    spent = np.array([_microseconds(point, part, idle) for point in points])
    least = np.array([point.seconds * LEAST_CORES * 1e6 for point in points])
    weights = 1 / np.maximum(spent, least)
    found = non_negative(done * weights[:, None], spent * weights)
    costs: dict[Column, float] = dict(zip(columns, map(float, found), strict=True))
    return {
        work: Line(round(costs[work, False], 3), round(costs.get((work, True), 0.0), 4))
        for work, of_records in columns
        if not of_records
    }


def _columns(points: Sequence[Point]) -> list[Column]:
    works = dict.fromkeys(work for point in points for work in point.done)
    return [
        (work, of_records)
        for work in works
        for of_records in ((False, True) if work in kind.WITH_RECORDS else (False,))
    ]


def _amount(point: Point, column: Column) -> float:
    work, of_records = column
    return point.done.get(work, (0, 0))[of_records]


def _microseconds(point: Point, part: str, idle: float) -> float:
    return max(0.0, point.cpu_seconds.get(part, 0.0) - idle * point.seconds) * 1e6


def non_negative(matrix: Floats, wanted: Floats) -> Floats:
    """Return x >= 0 with the least squares of `matrix @ x - wanted` (Lawson and Hanson)."""
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    scaled = matrix / scale
    solution = np.zeros(matrix.shape[1])
    passive = np.zeros(matrix.shape[1], dtype=bool)
    for _ in range(3 * matrix.shape[1]):
        gradient = scaled.T @ (wanted - scaled @ solution)
        gradient[passive] = -np.inf
        if gradient.max(initial=-np.inf) <= TOLERANCE:
            break
        passive[int(gradient.argmax())] = True
        solution = _settled(scaled, wanted, solution, passive)
    return np.asarray(solution / scale)


def _settled(matrix: Floats, wanted: Floats, solution: Floats, passive: NDArray[Any]) -> Floats:
    """Solve for the passive columns, giving up those that would fall below nought."""
    while True:
        trial = np.zeros_like(solution)
        trial[passive] = np.linalg.lstsq(matrix[:, passive], wanted, rcond=None)[0]
        falling = passive & (trial <= 0)
        if not falling.any():
            return trial
        steps = solution[falling] / (solution[falling] - trial[falling])
        solution = solution + float(steps.min(initial=1.0)) * (trial - solution)
        passive &= solution > TOLERANCE
        solution[~passive] = 0.0


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
        answered = sum(
            self.point.done.get(work, (0, 0))[0] for work in (kind.PUBLISH, kind.PAGE, kind.POLL)
        )
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
            point.shape if work == kind.PROJECT else None,
        )
        for work, (requests, records) in point.done.items()
        if requests
    ]
    processes = costs.workers if part == kind.GATEWAY else 1
    idle = costs.idle_cores.get(part, 0.0) * processes
    return (idle + cores(costs, demands, part)) * point.seconds


def worst(costs: Costs, part: str) -> float:
    """Return the largest error, either way, of a part in the points that check the costs."""
    found = verdicts(costs, costs.checked)
    return max((abs(each.error) for each in found if each.part == part), default=0.0)
