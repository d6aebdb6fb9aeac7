"""What the exchange has to reach, and whether a run has measured it.

Ratios are medians of those within the same rounds, each with its bootstrapped 95 % interval, and a
share of Kafka's tools is reached only when the lower end of its interval reaches it; processor time
is that of the gateway. wrk's row counts where wrk is installed, else that of the raw generator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.console.load_reports import RATE, Judged
from loadtests.results import Case, within_rounds
from loadtests.statistics import Estimate, median

SHUYUAN, NAIVE, TUNED_NAIVE = "shuyuan", "naive", "naive-batched"
PRODUCER_TEST, CONSUMER_TEST = "kafka-producer-perf-test", "kafka-consumer-perf-test"
COPY, PROXY, FILES = "postgresql-copy", "httpx-proxy", "starlette-files"
LOCUST, RAW, WRK, AGENT = "locust", "raw", "wrk", "agent"
BESIDE = "publish-1-beside-batches"
PERCENT, TIMES, MICROS = "{:.0%}", "{:.2f} times", "{:.2f} µs"
GATEWAY = "gateway"
NAIVE_TIMES = 8.0
# Pages that lie in the worker: not to be compared with what reads the broker.
CACHED = frozenset({"pull-500-tail", "pull-500-masked-tail"})
# The row of Kafka's own tool that a case is held against; both read the broker.
REFERENCES: Mapping[str, tuple[str, str]] = {
    "publish-500": ("publish-500", PRODUCER_TEST),
    "pull-500": ("pull-catch-up", CONSUMER_TEST),
    "pull-500-masked": ("pull-catch-up", CONSUMER_TEST),
    "pull-catch-up": ("pull-catch-up", CONSUMER_TEST),
}

# The names of what a story tells beside its rate; readers of latest.json find them as `facts`.
P99_RATIO, P99_RATIO_LEAST, P99_RATIO_MOST = "p99_ratio", "p99_ratio_least", "p99_ratio_most"
P99_ALONE, P99_BESIDE = "p99_alone_ms", "p99_beside_ms"
BATCHES_DUE, BATCHES_ANSWERED = "batches_due_per_second", "batches_answered_per_second"
SUSPENSIONS, POLL_ENDED = "suspensions", "long_poll_ended_after_ms"
LAST_BYTE_P50 = "suspension_to_last_byte_p50_ms"
LAST_BYTE_P99 = "suspension_to_last_byte_p99_ms"
LATEST_RECORD, OWN_LAG = "latest_record_after_suspension_ms", "generator_late_by_ms"
BYSTANDER_P99, BYSTANDER_REFUSED = "bystander_p99_ms", "bystander_answered_503_share"


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

    def others(self) -> list[Case]:
        """Return the rows of bridges, the systems that are neither ours nor known."""
        known = {SHUYUAN, NAIVE, TUNED_NAIVE, PRODUCER_TEST, CONSUMER_TEST, COPY, PROXY, FILES}
        return [case for case in self._cases.values() if case.system not in known]

    def reference(self, name: str) -> Case | None:
        """Return the best row of Kafka's own tool for this case, where there is one."""
        of, tool = REFERENCES.get(name, ("", ""))
        found = [case for row, case in self._cases.items() if row[:2] == (of, tool)]
        return max(found, key=lambda case: median(case.figures(RATE)), default=None)

    def of_reference(self, case: Case) -> Estimate | None:
        """Return a rate as a share of that of Kafka's own tool."""
        return compared(RATE, self.reference(case.name), case)

    def of_naive(self, case: Case, system: str = NAIVE) -> Estimate | None:
        """Return how many times the rate of the naive service this is."""
        return compared(RATE, self.find(case.name, system, WRK, RAW), case)

    def less_cpu(self, case: Case) -> Estimate | None:
        """Return how many times the processor time of this case the naive service takes."""
        return compared(GATEWAY, case, self.find(case.name, NAIVE, WRK, RAW))

    def limited(self) -> Estimate | None:
        """Return what a quota adds to the gateway's time for a page from the broker."""
        return compared(GATEWAY, self.own("pull-500-masked"), self.own("pull-500-masked-quota"))


def compared(figure: str, base: Case | None, other: Case | None) -> Estimate | None:
    if base is None or other is None or base is other or not median(base.figures(figure)):
        return None
    return within_rounds(figure, base, other)


@dataclass(frozen=True, slots=True)
class Target:
    """One line: what it is called, how the figure of our row is had and said, what it must reach.

    The row is that of the first generator `by` which there is one. `of_tool` says that the figure
    is a share of what Kafka's own tool does.
    """

    case: str
    said: str
    figure: Callable[[Measured, Case], Estimate | None]
    form: str
    at_least: float | None = None
    at_most: float | None = None
    by: Sequence[str] = (WRK, RAW)
    of_tool: bool = False

    def judge(self, measured: Measured, *, indicative: bool) -> Judged:
        name = f"{self.case}, {WRK}" if self.of_tool else self.case
        row = measured.find(self.case, SHUYUAN, *self.by)
        figure = self.figure(measured, row) if row else None
        if figure is None:
            return Judged(name, self.said, "not measured", None)
        told = figure.told(self.form)
        if indicative and self.of_tool:
            # Kafka's tools are cold in so short a run.
            return Judged(name, self.said, f"{told}, indicative", None)
        enough = self.at_least is None or figure.low >= self.at_least
        little = self.at_most is None or figure.value <= self.at_most
        return Judged(name, self.said, told, enough and little)


def judge(cases: Sequence[Case], *, indicative: bool = False) -> list[Judged]:
    """Return every target with what these cases say of it."""
    measured = Measured(cases)
    return [target.judge(measured, indicative=indicative) for target in TARGETS]


def _share(case: str, said: str, least: float) -> Target:
    return Target(case, said, Measured.of_reference, PERCENT, at_least=least, of_tool=True)


def _cost(case: str, most: float, each: str) -> Target:
    def figure(_measured: Measured, row: Case) -> Estimate:
        spread = row.spread_of(GATEWAY)
        return Estimate(spread.median, spread.least, spread.most, len(row.figures(GATEWAY)))

    return Target(case, f"≤ {most:g} µs of gateway CPU a {each}", figure, MICROS, at_most=most)


def _rate(case: str, least: float, what: str) -> Target:
    def figure(_measured: Measured, row: Case) -> Estimate:
        spread = row.spread_of(RATE)
        return Estimate(spread.median, spread.median, spread.most, len(row.figures(RATE)))

    said, by = f"≥ {least:,} {what} a second", (WRK, RAW, AGENT)
    return Target(case, said, figure, "{:,.0f}/s", at_least=least, by=by)


def _naive(case: str) -> Target:
    said = f"≥ {NAIVE_TIMES:g} times less CPU than the naive service"
    return Target(case, said, Measured.less_cpu, "{:.1f} times", at_least=NAIVE_TIMES)


def _fact(
    case: str, said: str, fact: str, most: float, form: str, enough: tuple[str, float] = ("", 0)
) -> Target:
    """Read a story's fact; it counts only where another fact is at least `enough`."""

    def figure(_measured: Measured, row: Case) -> Estimate | None:
        told = row.facts.get(fact)
        if told is None or row.facts.get(enough[0], 0.0) < enough[1]:
            return None
        return Estimate(told, told, told)

    return Target(case, said, figure, form, at_most=most, by=(LOCUST, RAW))


PRODUCER, CONSUMER = f"of the tuned {PRODUCER_TEST}", f"of {CONSUMER_TEST}"
TARGETS = (
    _share("publish-500", f"≥ 60 % {PRODUCER} (aim: 100 %)", 0.60),
    _share("pull-catch-up", f"≥ 55 % {CONSUMER} (aim: 80 %)", 0.55),
    _cost("publish-500", 6.0, "record"),
    _cost("publish-1", 130.0, "request"),
    _cost("publish-1-keyed", 180.0, "request"),
    _cost("pull-500-masked", 6.0, "record"),
    _cost("pull-500-tail", 1.2, "record"),
    Target(
        "pull-500-masked-quota", "≤ 1.1 times the gateway CPU without a quota",
        lambda measured, _row: measured.limited(), TIMES, at_most=1.1,
    ),
    _rate("query", 2_500, "requests"),
    _rate("verify", 3_000, "requests"),
    _rate("push", 20_000, "records"),
    _rate("table-in", 10_000, "rows"),
    _rate("table-out", 10_000, "rows"),
    _naive("publish-500"),
    _naive("publish-1"),
    _naive("pull-500-masked"),
    _fact(BESIDE, "single-record p99 ≤ 3 times the unloaded", P99_RATIO, 3.0, TIMES),
    _fact(
        "push-beside-bad", "the others' push latency moves by ≤ 30 %, upper end",
        "others_p50_ratio_high", 1.3, TIMES,
    ),
    _fact(
        "storm", "≤ 1 % of others' publishes answered 503", BYSTANDER_REFUSED, 0.01, PERCENT
    ),
    _fact(
        "revocation", "suspension to the last byte, p99 of ≥ 30: ≤ 1 s",
        LAST_BYTE_P99, 1000.0, "{:.0f} ms", (SUSPENSIONS, 30),
    ),
)  # fmt: skip
