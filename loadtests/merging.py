"""What several generators saw, put together."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from loadtests.runs import Total, Window
from loadtests.tally import Run, percentile

STEPS_PER_SECOND = 10_000


class Told(msgspec.Struct, frozen=True):
    """What one worker saw; `latencies` counts answers by tenths of a millisecond."""

    seconds: float
    requests: int
    records: int
    latencies: dict[int, int]
    total: Total


def together(totals: Sequence[Total]) -> Total:
    """Add up what several generators told; facts are the largest of each name."""
    acknowledged: dict[str, list[Run]] = {}
    facts: dict[str, float] = {}
    for total in totals:
        for resource, runs in total.acknowledged.items():
            acknowledged.setdefault(resource, []).extend(runs)
        for name, value in total.facts.items():
            facts[name] = max(value, facts.get(name, value))
    return Total(
        records=sum(total.records for total in totals),
        checked=sum(total.checked for total in totals),
        failures=sum(total.failures for total in totals),
        refused=sum(total.refused for total in totals),
        complaints=[said for total in totals for said in total.complaints],
        acknowledged=acknowledged,
        facts=facts,
    )


def merged(told: Sequence[Told], complaints: Sequence[str] = ()) -> tuple[Window, Total]:
    """Make one window and one total of those of several machines; each complaint is a failure."""
    counts: Counter[int] = Counter()
    for each in told:
        counts.update(each.latencies)
    ordered = [step / STEPS_PER_SECOND * 1000 for step in sorted(counts.elements())]
    window = Window(
        seconds=max((each.seconds for each in told), default=0.0),
        requests=sum(each.requests for each in told),
        records=sum(each.records for each in told),
        p50_ms=percentile(ordered, 0.50),
        p99_ms=percentile(ordered, 0.99),
    )
    total = together([each.total for each in told])
    failures = total.failures + len(complaints)
    said = [*total.complaints, *complaints]
    return window, msgspec.structs.replace(total, failures=failures, complaints=said)
