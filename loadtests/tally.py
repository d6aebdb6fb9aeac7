"""What one generator saw: counted within a window and over its whole run, told on its output."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

COMPLAINTS_MAX = 5
MARK = "@"
BEGIN, END, DONE = "begin", "end", "done"
# Told last, by a generator that learns its percentiles only when it ends.
LATENCY = "latency"
Run = tuple[int, int, int]
Facts = dict[str, Any]


@dataclass(slots=True)
class Window:
    """Answers that came between two marks; latencies in seconds."""

    opened_at: float = field(default_factory=time.perf_counter)
    requests: int = 0
    records: int = 0
    latencies: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """`acknowledged` are the runs of offsets that receipts name: partition, first, last.

    `checked` counts records of pages that were byte for byte those of the log; `refused` counts
    orderly refusals (429 and 503 with Retry-After), which are no failures where they are expected.
    """

    requests: int = 0
    records: int = 0
    checked: int = 0
    failures: int = 0
    refused: int = 0
    complaints: list[str] = field(default_factory=list)
    acknowledged: dict[str, list[Run]] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)
    window: Window = field(default_factory=Window)

    def answered(self, records: int, seconds: float) -> None:
        self.requests += 1
        self.records += records
        window = self.window
        window.requests += 1
        window.records += records
        window.latencies.append(seconds)

    def stored(self, records: int) -> None:
        """Count records whose publishing is not what the window measures."""
        self.records += records

    def acknowledge(self, resource_id: str, positions: Sequence["Position"]) -> None:
        runs = self.acknowledged.setdefault(resource_id, [])
        runs += [(each.partition, each.first_offset, each.last_offset) for each in positions]

    def failed(self, complaint: str) -> None:
        """Count a failure; the first few are kept in words."""
        self.failures += 1
        if len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(complaint[:300])

    def open_window(self) -> None:
        self.window = Window()

    def close_window(self) -> Facts:
        """Return what the window holds, and count on in another one."""
        closed, self.window = self.window, Window()
        seconds = time.perf_counter() - closed.opened_at
        latencies = sorted(closed.latencies)
        return {
            "seconds": seconds,
            "requests": closed.requests,
            "records": closed.records,
            "p50_ms": percentile(latencies, 0.50) * 1000,
            "p99_ms": percentile(latencies, 0.99) * 1000,
        }

    def total(self) -> Facts:
        """Return what the whole run held, once nothing is under way any more."""
        return {
            "records": self.records,
            "checked": self.checked,
            "failures": self.failures,
            "refused": self.refused,
            "complaints": self.complaints,
            "acknowledged": {name: joined(runs) for name, runs in self.acknowledged.items()},
            "facts": self.facts,
        }


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


def tell(mark: str, facts: Facts | None = None) -> None:
    """Write a mark on standard output, at once: whoever listens samples the machine then."""
    text = msgspec.json.encode(facts or {}).decode()
    sys.stdout.write(f"{MARK}{mark} {text}\n")
    sys.stdout.flush()


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of ordered values, 0 when there is none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def joined(runs: Sequence[Run]) -> list[Run]:
    """Join runs that follow one another; runs that overlap stay apart, for the reader to see."""
    out: list[Run] = []
    for partition, first, last in sorted(runs):
        if out and out[-1][0] == partition and out[-1][2] + 1 == first:
            out[-1] = (partition, out[-1][1], last)
        else:
            out.append((partition, first, last))
    return out
