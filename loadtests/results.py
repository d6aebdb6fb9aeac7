"""Results as others read them: `loadtests/results/latest.json` (docs/api.md section 6)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from deploy.local.files import write_private
from gateway.console import load_reports
from gateway.console.load_reports import P99, RATE, Judged, Machine, Ratio, Sentence, Spread
from loadtests.generator import Pace
from loadtests.readback import Answer
from loadtests.runs import GENERATOR, Observed
from loadtests.statistics import Estimate, median, ratio

FOLDER = Path(__file__).with_name("results")
READABLE = 0o644
SERVERS = ("gateway", "worker", "broker", "database")
PARTS = (*SERVERS, GENERATOR)
COMPLAINTS_MAX = 5
# Runs that are kept beside the last one, and the digits of a moment up to its second.
KEPT, DIGITS = 20, 14
_PLAIN = str.maketrans("", "", "-:T")


class Label(msgspec.Struct, frozen=True):
    """Which row a run belongs to, and how many callers and gateway workers it had."""

    name: str
    system: str
    generator: str
    callers: int
    workers: int = 0

    @property
    def row(self) -> tuple[str, str, str]:
        return self.name, self.system, self.generator


class Case(load_reports.Case, frozen=True, kw_only=True):
    """One figure. `cpu_seconds` are user plus system within the window of `seconds`.

    For the naive service and a bridge `gateway` is that service; for Kafka's tools `generator` is
    their whole process. `records_answered` counts the whole run, warm-up included: records of
    receipts and of pages; `records_read_back` those of them that an independent reader found in the
    log, or whose page was byte for byte that of the log. Of several runs the one in the middle by
    rate is told; `runs` holds those of all, round by round, by `RATE`, `P99` and the parts of the
    CPU (microseconds a record), and `spread` how they lie.
    """

    cpu_seconds: Mapping[str, float]
    cpu_us_per_record: Mapping[str, float]
    seconds: float
    callers: int
    workers: int
    memory_bytes: Mapping[str, int]
    others_cpu_seconds: float
    refused: int = 0
    facts: Mapping[str, float] = {}
    each_run: Sequence[float] = ()

    @property
    def row(self) -> tuple[str, str, str]:
        return self.name, self.system, self.generator

    def figures(self, name: str) -> Sequence[float]:
        """Return a figure of each run: `RATE`, `P99`, or microseconds of a part per record."""
        return self.runs.get(name) or [self._figure(name)]

    def _figure(self, name: str) -> float:
        if name in {RATE, P99}:
            return self.rate if name == RATE else self.p99_ms
        done = self.rate * self.seconds
        return round(self.cpu_seconds.get(name, 0.0) / done * 1e6, 3) if done else 0.0

    def spread_of(self, name: str) -> Spread:
        return self.spread.get(name) or _spread(self.figures(name))

    @property
    def server_us(self) -> float:
        """Return the platform's processor time per record, all its parts together."""
        return sum(self.cpu_us_per_record.get(part, 0.0) for part in SERVERS)


class Row(NamedTuple):
    """One line of the benchmark's tables; a `story` is told once, after the rounds."""

    label: Label
    run: Callable[[Pace], Case]
    story: bool = False


class Results(msgspec.Struct, kw_only=True):
    """`others_share` is how busy the machine was before anything of ours ran, 0 to 1."""

    started_at: str
    seconds: float
    machine: Machine
    cases: list[Case]
    indicative: bool
    others_share: float
    rounds: int
    commit: str = ""
    targets: Sequence[Judged] = ()
    ratios: Sequence[Ratio] = ()
    verdict: Sequence[Sentence] = ()

    @property
    def good(self) -> bool:
        return all(case.good for case in self.cases)


def judged(label: Label, seen: Observed, found: Answer) -> Case:
    """Return the case that a run makes, with whatever the reader of the log found wrong."""
    window, total, use = seen.window, seen.total, seen.use
    nothing = "" if window.requests or window.records else "no answer within the window"
    faults = [fault for fault in (found.faults(), nothing) if fault]
    seconds = window.seconds or 1.0  # none, where no load machine told anything
    cpu_seconds = {part: round(use.cpu_seconds.get(part, 0.0), 3) for part in PARTS}
    done = window.records
    each = {part: round(spent / done * 1e6, 3) for part, spent in cpu_seconds.items() if done}
    return Case(
        **msgspec.structs.asdict(label),
        requests_per_second=round(window.requests / seconds, 1),
        records_per_second=round(window.records / seconds, 1),
        p50_ms=round(window.p50_ms, 2),
        p99_ms=round(window.p99_ms, 2),
        failures=total.failures + len(faults),
        cpu_seconds=cpu_seconds,
        cpu_us_per_record=each,
        records_answered=total.records,
        records_read_back=total.checked + found.read_back,
        seconds=round(window.seconds, 3),
        memory_bytes=use.memory_bytes,
        others_cpu_seconds=round(use.others_cpu_seconds, 2),
        refused=total.refused,
        complaints=[*total.complaints, *faults],
        facts=total.facts,
    )


def about(machine: Machine, started: datetime, others_share: float) -> dict[str, Any]:
    """Return what all results say of a run that ends now: when, where, beside what."""
    return {
        "started_at": started.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
        "machine": machine,
        "others_share": round(others_share, 3),
    }


def within_rounds(name: str, base: Case, other: Case) -> Estimate:
    """Return the ratio of a figure within the same rounds; of medians where rounds differ."""
    pair = base.figures(name), other.figures(name)
    if len(pair[0]) != len(pair[1]):
        pair = [median(pair[0])], [median(pair[1])]
    return ratio(*pair)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(min(values), median(values), max(values))


def middle(runs: Sequence[Case]) -> Case:
    """Return the run in the middle by rate, with the failures and the figures of all runs."""
    chosen = sorted(runs, key=lambda case: case.rate)[(len(runs) - 1) // 2]
    worst = next((case for case in runs if not case.good), chosen)
    names = (RATE, P99, *PARTS)
    figures = {name: [round(each.figures(name)[0], 3) for each in runs] for name in names}
    complaints = [complaint for case in runs for complaint in case.complaints]
    return msgspec.structs.replace(
        chosen,
        failures=sum(case.failures for case in runs),
        complaints=complaints[:COMPLAINTS_MAX],
        records_answered=worst.records_answered,
        records_read_back=worst.records_read_back,
        each_run=[round(case.rate, 1) for case in runs],
        facts={name: max(case.facts.get(name, 0.0) for case in runs) for name in chosen.facts},
        runs=figures,
        spread={name: _spread(each) for name, each in figures.items()},
    )


def write(results: Results, folder: Path, name: str = "latest") -> None:
    """Replace the JSON file of this name as a whole; the newest are kept by their moments too."""
    text = msgspec.json.format(msgspec.json.encode(results), indent=1).decode()
    own = results.started_at.translate(_PLAIN)[:DIGITS]
    for each in (name, f"{name}-{own}"):
        path = folder / f"{each}.json"
        write_private(path, text + "\n")
        path.chmod(READABLE)
    for old in sorted(folder.glob(f"{name}-*.json"))[:-KEPT]:
        old.unlink()
