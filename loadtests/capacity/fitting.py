"""Finds the costs that explain measured points best; pure.

Least squares of relative errors, no cost below nought: a request costs `a`, a record in it `b`,
and the points say how much processor time several of them took together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtests.capacity.costs import PARTS, WITH_RECORDS, Line, Point

# A part that used less of a core than this has an error not far from the clock's own tick.
LEAST_CORES = 0.02

Floats = NDArray[np.float64]
Column = tuple[str, bool]


def fit(points: Sequence[Point], idle_cores: Mapping[str, float]) -> dict[str, dict[str, Line]]:
    """Return the cost of each work on each part; `idle_cores` are of all processes of a part."""
    by_part = {part: _part(points, part, idle_cores.get(part, 0.0)) for part in PARTS}
    works = dict.fromkeys(work for point in points for work in point.done)
    return {
        work: {part: line for part in PARTS if (line := by_part[part][work]) != Line()}
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
        for of_records in ((False, True) if work in WITH_RECORDS else (False,))
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


TOLERANCE = 1e-10


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
