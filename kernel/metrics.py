"""Numbers of one process for Prometheus: plain ones, which a hot path can afford to add to.

Each metric is made once, at import, and stands in docs/metrics.md. Whoever adds up the processes of
a node reads what each has written once a second (kernel/metrics_folder.py).
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypedDict

Labels = tuple[str, ...]
Merge = Literal["sum", "max"]
# Beyond these a label's values are counted together: codes and paths that callers choose.
CHILDREN_MAX = 1_000
OTHERS = "others"
BOUNDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Upper bounds of the buckets of times, in seconds."""

METRICS: Final[dict[str, "Metric"]] = {}
"""Every metric of this process, by name."""

Sample = float | list[float]


class Told(TypedDict):
    """What is written of a metric: enough to be added up by who does not know it."""

    kind: str
    told: str
    labels: list[str]
    greatest: bool
    samples: list[tuple[Labels, Sample]]


Snapshot = dict[str, Told]


class Metric:
    kind: str
    merge: Merge = "sum"

    def __init__(self, name: str, told: str, *labels: str) -> None:
        self.name = name
        self.told = told
        self.labels = labels
        METRICS[name] = self

    def samples(self) -> list[tuple[Labels, Sample]]:
        raise NotImplementedError


class Counter(Metric):
    """What has passed since the process began."""

    kind = "counter"

    def __init__(self, name: str, told: str, *labels: str) -> None:
        super().__init__(name, told, *labels)
        self._values: dict[Labels, float] = {} if labels else {(): 0}
        self.before_reading: Callable[[], None] = _nothing

    def add(self, amount: float = 1, *labels: str) -> None:
        values = self._values
        if labels not in values and len(values) >= CHILDREN_MAX:
            labels = (OTHERS,) * len(labels)
        values[labels] = values.get(labels, 0) + amount

    def samples(self) -> list[tuple[Labels, Sample]]:
        self.before_reading()
        return list(self._values.items())


class Times:
    """Counts of times by bucket, the last one without a bound, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Histogram(Metric):
    """How long something took; a hot path keeps the `of` its labels."""

    kind = "histogram"

    def __init__(self, name: str, told: str, *labels: str) -> None:
        super().__init__(name, told, *labels)
        self._children: dict[Labels, Times] = {}

    def of(self, *labels: str) -> Times:
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= CHILDREN_MAX:
                labels = (OTHERS,) * len(labels)
            child = self._children.setdefault(labels, Times())
        return child

    def samples(self) -> list[tuple[Labels, Sample]]:
        return [(labels, [*times.counts, times.total]) for labels, times in self._children.items()]


class Gauge(Metric):
    """What is now, read when it is asked for; of several processes the sum or the greatest."""

    kind = "gauge"

    def __init__(self, name: str, told: str, *labels: str, merge: Merge = "sum") -> None:
        super().__init__(name, told, *labels)
        self.merge = merge
        self._read: Callable[[], Mapping[Labels, float]] = dict

    def read_by(self, read: Callable[[], float]) -> None:
        """Let the one value of a gauge without labels be read so."""
        self._read = lambda: {(): read()}

    def read_all_by(self, read: Callable[[], Mapping[Labels, float]]) -> None:
        self._read = read

    def samples(self) -> list[tuple[Labels, Sample]]:
        return list(self._read().items())


def _nothing() -> None:
    """What is counted elsewhere and handed on when it is asked for: here nothing."""


def snapshot() -> Snapshot:
    """Return what every metric of this process says now."""
    return {
        metric.name: {
            "kind": metric.kind,
            "told": metric.told,
            "labels": list(metric.labels),
            "greatest": metric.merge == "max",
            "samples": metric.samples(),
        }
        for metric in METRICS.values()
    }
