"""What the costs foretell for measured work, held against what it took; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.capacity import costs as kind
from deploy.capacity.costs import PAGE, POLL, PROJECT, PUBLISH, Costs, Point
from deploy.capacity.demands import Demand, cores

# A part that used less than this of a core says more of the clock than of the model.
TELLING_CORES = 0.05


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
    return (costs.idle(part) + cores(costs, demands, part)) * point.seconds


def worst(costs: Costs, part: str) -> float:
    """Return the largest error, either way, of a part in the points that check the costs."""
    found = verdicts(costs, costs.checked)
    return max((abs(each.error) for each in found if each.part == part), default=0.0)
