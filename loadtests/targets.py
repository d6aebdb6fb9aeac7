"""What the exchange has to reach, and whether a run has measured it: the last table of a report.

Ratios are those of the medians of one run; processor time is that of the gateway. wrk's row counts
where wrk is installed, else that of the raw generator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loadtests.beside import BESIDE
from loadtests.facts import LAST_BYTE_P99, P99_RATIO, SUSPENSIONS
from loadtests.measuring import CONSUMER_TEST, LOCUST, NAIVE, PRODUCER_TEST, RAW, SHUYUAN, WRK
from loadtests.results import Case, Judged

GATEWAY = "gateway"
NAIVE_TIMES = 8.0
# The row of Kafka's own tool that a case is held against.
REFERENCES: Mapping[str, tuple[str, str]] = {
    "publish-500": ("publish-500", PRODUCER_TEST),
    "pull-500-masked": ("pull-catch-up", CONSUMER_TEST),
    "pull-500-tail": ("pull-catch-up", CONSUMER_TEST),
    "pull-catch-up": ("pull-catch-up", CONSUMER_TEST),
}


class Measured:
    """The cases of a run by name, for comparisons."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = {case.row: case for case in cases}

    def find(self, name: str, system: str, *generators: str) -> Case | None:
        """Return the case by the first of these generators that has one."""
        rows = ((name, system, generator) for generator in generators)
        return next((self._cases[row] for row in rows if row in self._cases), None)

    def own(self, name: str) -> Case | None:
        return self.find(name, SHUYUAN, WRK, RAW)

    def naive(self, name: str) -> Case | None:
        return self.find(name, NAIVE, WRK, RAW)

    def reference(self, name: str) -> Case | None:
        """Return Kafka's own tool for this case, where there is one."""
        of, tool = REFERENCES.get(name, (name, ""))
        return self.find(of, tool, tool)

    def of_reference(self, case: Case) -> float | None:
        """Return a rate as a share of that of Kafka's own tool."""
        return _ratio(case, self.reference(case.name), lambda each: each.rate_spread.median)

    def of_naive(self, case: Case) -> float | None:
        """Return how many times the rate of the naive service this is."""
        return _ratio(case, self.naive(case.name), lambda each: each.rate_spread.median)

    def less_cpu(self, case: Case) -> float | None:
        """Return how many times the processor time of this case the naive service takes."""
        return _ratio(self.naive(case.name), case, lambda each: each.cpu_spread(GATEWAY).median)


def _ratio(above: Case | None, below: Case | None, figure: Callable[[Case], float]) -> float | None:
    if above is None or below is None or above is below or not figure(below):
        return None
    return figure(above) / figure(below)


@dataclass(frozen=True, slots=True)
class Target:
    """One line: what it is called, how the figure is had and said, what it must reach.

    `of_tool` says that the figure is a share of what Kafka's own tool does.
    """

    case: str
    said: str
    figure: Callable[[Measured], float | None]
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    of_tool: bool = False

    def judge(self, measured: Measured, *, indicative: bool) -> Judged:
        figure = self.figure(measured)
        if figure is None:
            return Judged(self.case, self.said, "not measured", None)
        if indicative and self.of_tool:
            # Kafka's tools are cold in so short a run.
            return Judged(self.case, self.said, f"{self.unit.format(figure)}, indicative", None)
        enough = self.at_least is None or figure >= self.at_least
        little = self.at_most is None or figure <= self.at_most
        return Judged(self.case, self.said, self.unit.format(figure), enough and little)


def judge(cases: Sequence[Case], *, indicative: bool = False) -> list[Judged]:
    """Return every target with what these cases say of it."""
    measured = Measured(cases)
    return [target.judge(measured, indicative=indicative) for target in TARGETS]


def _share(case: str, said: str, least: float, *generators: str) -> Target:
    def figure(measured: Measured) -> float | None:
        found = measured.find(case, SHUYUAN, *generators)
        return measured.of_reference(found) if found else None

    name = f"{case}, {generators[0]}"
    return Target(name, said, figure, "{:.0%}", at_least=least, of_tool=True)


def _cost(case: str, most: float, each: str) -> Target:
    def figure(measured: Measured) -> float | None:
        found = measured.own(case)
        return found.cpu_spread(GATEWAY).median if found else None

    said = f"≤ {most:g} µs of gateway CPU a {each}"
    return Target(case, said, figure, "{:.2f} µs", at_most=most)


def _naive(case: str) -> Target:
    def figure(measured: Measured) -> float | None:
        found = measured.own(case)
        return measured.less_cpu(found) if found else None

    said = f"≥ {NAIVE_TIMES:g} times less CPU than the naive service"
    return Target(case, said, figure, "{:.1f} times", at_least=NAIVE_TIMES)


def _fact(
    case: str, said: str, fact: str, most: float, unit: str, enough: tuple[str, float] = ("", 0)
) -> Target:
    """Read a story's fact; it counts only where another fact is at least `enough`."""

    def figure(measured: Measured) -> float | None:
        found = measured.find(case, SHUYUAN, LOCUST, RAW)
        if found is None or found.facts.get(enough[0], 0.0) < enough[1]:
            return None
        return found.facts.get(fact)

    return Target(case, said, figure, unit, at_most=most)


PRODUCER, CONSUMER = f"of {PRODUCER_TEST}", f"of {CONSUMER_TEST}"
TARGETS = (
    _share("publish-500", f"≥ 90 % {PRODUCER} (aim: 100 %)", 0.90, WRK, RAW),
    _share("publish-500", f"≥ 70 % {PRODUCER}", 0.70, LOCUST),
    _cost("publish-500", 6.0, "record"),
    _cost("publish-1", 130.0, "request"),
    _cost("publish-1-keyed", 180.0, "request"),
    _share("pull-500-masked", f"≥ 45 % {CONSUMER}", 0.45, WRK, RAW),
    _cost("pull-500-masked", 6.0, "record"),
    _share("pull-500-tail", f"≥ 100 % {CONSUMER}", 1.0, WRK, RAW),
    _cost("pull-500-tail", 1.2, "record"),
    _naive("publish-500"),
    _naive("publish-1"),
    _naive("pull-500-masked"),
    _fact(BESIDE, "single-record p99 ≤ 3 times the unloaded", P99_RATIO, 3.0, "{:.2f} times"),
    _fact(
        "revocation",
        "suspension to the last byte, p99 of ≥ 30: ≤ 1 s",
        LAST_BYTE_P99,
        1000.0,
        "{:.0f} ms",
        (SUSPENSIONS, 30),
    ),
)
