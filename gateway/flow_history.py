"""What happened between the minutes that the platform wrote down; pure.

`gateway_told` is what gateways write (workers: exchange/backlog.py), `points` what it comes to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.history import Moment
from kernel.metrics import BOUNDS, OTHERS, Labels, Sample

Totals = Mapping[str, Mapping[Labels, Sample]]
COUNTED: Final = {
    "in": "shuyuan_published_records",
    "out": "shuyuan_pulled_records",
    "answers": "shuyuan_answers",
    "refused": "shuyuan_refusals",
}
TIMES: Final = "shuyuan_request_seconds"
WAITING: Final = "?wait"
FAILED_FROM: Final = 500
P99: Final = 0.99
COUNTS: Final = (*COUNTED, "failed")


def gateway_told(totals: Totals) -> dict[str, Any]:
    """Return what a gateway's workers have counted; polls choose their time, and are left out."""
    told: dict[str, Any] = {key: added_up(totals, name) for key, name in COUNTED.items()}
    answers = totals.get("shuyuan_answers", {})
    told["failed"] = _sum({key: n for key, n in answers.items() if _is_failure(key[-1])})
    times = [0.0] * (len(BOUNDS) + 1)
    for labels, sample in totals.get(TIMES, {}).items():
        if not labels[0].endswith(WAITING) and isinstance(sample, list):
            times = [a + b for a, b in zip(times, sample, strict=False)]
    told["times"] = times
    return told


def added_up(totals: Totals, name: str) -> float:
    """Return a metric over all its labels."""
    return _sum(totals.get(name, {}))


def _is_failure(status: str) -> bool:
    """Whether an answer is a failure; of many kinds at once the status is not known."""
    return status != OTHERS and int(status) >= FAILED_FROM


def _sum(samples: Mapping[Labels, Sample]) -> float:
    return sum(sample for sample in samples.values() if not isinstance(sample, list))


@dataclass(slots=True)
class Point:
    """What happened up to `at`: counts a second, the rest as it was; None is not known.

    `p99_ms` is the bound under which so many answers stayed.
    """

    at: datetime
    rates: dict[str, float] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    lag: float | None = None
    outbox: float | None = None

    @property
    def p99_ms(self) -> float | None:
        whole, sum_ = sum(self.times), 0.0
        for bound, count in zip(BOUNDS, self.times, strict=False):
            sum_ += count
            if whole and sum_ >= P99 * whole:
                return round(bound * 1000, 1)
        return None

    def value(self, name: str) -> float | None:
        if name in COUNTS:
            return None if name not in self.rates else round(self.rates[name], 2)
        found: float | None = getattr(self, name)
        return found


def points(
    moments: Sequence[Moment], now: datetime, *, length: timedelta, step: timedelta
) -> Sequence[Point]:
    """Return a point for each full step of the time before now, told or not."""
    seconds = step.total_seconds()
    last = now.timestamp() // seconds * seconds
    stamps = [last - seconds * back for back in range(int(length / step), -1, -1)]
    found = {stamp: Point(datetime.fromtimestamp(stamp, now.tzinfo)) for stamp in stamps}
    before: dict[str, Moment] = {}
    for each in moments:
        point, earlier = found.get(each.at.timestamp()), before.get(each.place)
        before[each.place] = each
        if point is None:
            continue
        if "times" not in each.told:
            point.lag = max(point.lag or 0.0, each.told["lag"])
            point.outbox = max(point.outbox or 0.0, each.told["outbox"])
        elif earlier is not None:
            _add(point, earlier, each)
    return list(found.values())


def _add(point: Point, earlier: Moment, each: Moment) -> None:
    elapsed = (each.at - earlier.at).total_seconds()
    for name in COUNTS:
        # A counter that runs backwards began anew with its processes.
        grown = max(0.0, each.told[name] - earlier.told[name])
        point.rates[name] = point.rates.get(name, 0.0) + grown / elapsed
    grown_times = [
        max(0.0, b - a) for a, b in zip(earlier.told["times"], each.told["times"], strict=True)
    ]
    point.times = [
        a + b for a, b in zip(point.times or [0.0] * len(grown_times), grown_times, strict=True)
    ]
