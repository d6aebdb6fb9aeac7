"""What one generator saw: counted within a window and over its whole run, told on its output."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from loadtests.statistics import percentile

COMPLAINTS_MAX = 5
MARK = "@"
BEGIN, END, DONE = "begin", "end", "done"
# Told last, by a generator that learns its percentiles only when it ends.
LATENCY = "latency"
Run = tuple[int, int, int]


class Window(msgspec.Struct, frozen=True):
    """What came between two marks."""

    seconds: float = 0.0
    requests: int = 0
    records: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


class Total(msgspec.Struct):
    """What the whole run held, warm-up and last answers included.

    `acknowledged` are the runs of offsets that receipts name: partition, first, last. `checked`
    counts records of pages that were byte for byte those of the log; `refused` counts orderly
    refusals (429 and 503 with Retry-After), which are no failures where they are expected.
    """

    records: int = 0
    checked: int = 0
    failures: int = 0
    refused: int = 0
    complaints: list[str] = []
    acknowledged: dict[str, list[Run]] = {}
    facts: dict[str, float] = {}

    def places(self) -> int:
        """Return how many places the receipts name."""
        runs = (run for each in self.acknowledged.values() for run in each)
        return sum(last - first + 1 for _, first, last in runs)


@dataclass(slots=True)
class Tally:
    """Counts what a generator sees; seconds of the answers within the window stay apart."""

    whole: Total = field(default_factory=Total)
    opened_at: float = field(default_factory=time.perf_counter)
    records: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, float]:
        return self.whole.facts

    def answered(self, records: int, seconds: float) -> None:
        self.whole.records += records
        self.records += records
        self.latencies.append(seconds)

    def stored(self, records: int) -> None:
        """Count records whose publishing is not what the window measures."""
        self.whole.records += records

    def checked(self, records: int) -> None:
        self.whole.checked += records

    def acknowledge(self, resource_id: str, positions: Sequence["Position"]) -> None:
        runs = self.whole.acknowledged.setdefault(resource_id, [])
        runs += [(each.partition, each.first_offset, each.last_offset) for each in positions]

    def failed(self, complaint: str) -> None:
        """Count a failure; the first few are kept in words."""
        self.whole.failures += 1
        if len(self.whole.complaints) < COMPLAINTS_MAX:
            self.whole.complaints.append(complaint[:300])

    def refused(self, status: int = 0) -> None:
        """Count an orderly refusal, by its status where one is told."""
        self.whole.refused += 1
        if status:
            self.count(f"answered_{status}")

    def count(self, fact: str) -> None:
        self.facts[fact] = self.facts.get(fact, 0) + 1

    def open_window(self) -> None:
        self.opened_at, self.records, self.latencies = time.perf_counter(), 0, []

    def close_window(self) -> Window:
        """Return what the window holds, and count on in another one."""
        seconds, taken = time.perf_counter() - self.opened_at, self.latencies
        p50, p99 = (percentile(taken, share) * 1000 for share in (0.50, 0.99))
        found = Window(seconds, len(taken), self.records, p50, p99)
        self.open_window()
        return found

    def total(self) -> Total:
        """Return what the whole run held, once nothing is under way any more."""
        runs = self.whole.acknowledged
        return msgspec.structs.replace(
            self.whole, acknowledged={name: joined(each) for name, each in runs.items()}
        )


def together(totals: Sequence[Total]) -> Total:
    """Add up what several generators told; facts are the largest."""
    found = Total()
    for total in totals:
        found.records += total.records
        found.checked += total.checked
        found.failures += total.failures
        found.refused += total.refused
        found.complaints += total.complaints
        for resource, runs in total.acknowledged.items():
            found.acknowledged.setdefault(resource, []).extend(runs)
        for name, value in total.facts.items():
            found.facts[name] = max(value, found.facts.get(name, value))
    return found


class Position(msgspec.Struct):
    partition: int
    first_offset: int
    last_offset: int


class Receipt(msgspec.Struct):
    """What a generator needs of a receipt."""

    resource_id: str
    accepted: int
    positions: list[Position]


read_receipt = msgspec.json.Decoder(Receipt).decode


def tell(mark: str, facts: object = None) -> None:
    """Write a mark on standard output, at once: whoever listens samples the machine then."""
    text = msgspec.json.encode({} if facts is None else facts).decode()
    sys.stdout.write(f"{MARK}{mark} {text}\n")
    sys.stdout.flush()


def joined(runs: Sequence[Run]) -> list[Run]:
    """Join runs that follow one another; runs that overlap stay apart, for the reader to see."""
    out: list[Run] = []
    for partition, first, last in sorted(runs):
        if out and out[-1][0] == partition and out[-1][2] + 1 == first:
            out[-1] = (partition, out[-1][1], last)
        else:
            out.append((partition, first, last))
    return out
