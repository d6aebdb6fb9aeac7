"""Results as others read them: `loadtests/results/latest.json` (api.md section 6)."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from deploy.local.files import write_private
from loadtests.arena import Machine
from loadtests.processes import Use
from loadtests.runs import GENERATOR

FOLDER = Path(__file__).with_name("results")
LATEST = "latest.json"
READABLE = 0o644
RATE, P99 = "rate", "p99_ms"
PARTS = ("gateway", "worker", "broker", "database", GENERATOR)


class Spread(msgspec.Struct, frozen=True):
    """How the runs of one row lie."""

    least: float
    median: float
    most: float


def spread_of(values: Sequence[float]) -> Spread:
    return Spread(min(values), statistics.median(values), max(values))


class Judged(msgspec.Struct, frozen=True):
    """A target and what was measured; `reached` is None where this run did not measure it."""

    case: str
    target: str
    measured: str
    reached: bool | None


class Case(msgspec.Struct, kw_only=True):
    """One figure. `cpu_seconds` are user plus system within the window of `seconds`.

    For the naive service `gateway` is that service; for Kafka's tools `generator` is their whole
    process, JVM start included. `records_answered` counts the whole run, warm-up included: records
    of receipts and of pages; `records_read_back` those of them that an independent reader found in
    the log, or whose page was byte for byte that of the log. Of several runs the one in the middle
    by rate is told; `spread` says how all of them lie, by `RATE`, `P99` and the parts of the CPU.
    """

    name: str
    system: str
    generator: str
    requests_per_second: float
    records_per_second: float
    p50_ms: float
    p99_ms: float
    failures: int
    cpu_seconds: Mapping[str, float]
    cpu_us_per_record: Mapping[str, float]
    records_answered: int
    records_read_back: int
    seconds: float
    callers: int
    workers: int
    memory_bytes: Mapping[str, int]
    others_cpu_seconds: float
    refused: int = 0
    complaints: Sequence[str] = ()
    facts: Mapping[str, float] = {}
    each_run: Sequence[float] = ()
    spread: Mapping[str, Spread] = {}

    @property
    def row(self) -> tuple[str, str, str]:
        return self.name, self.system, self.generator

    @property
    def rate(self) -> float:
        """Records a second, or requests where a case has no records."""
        return self.records_per_second or self.requests_per_second

    @property
    def good(self) -> bool:
        return not self.failures and self.records_answered == self.records_read_back

    @property
    def rate_spread(self) -> Spread:
        return self.spread.get(RATE) or spread_of([self.rate])

    def cpu_spread(self, part: str) -> Spread:
        """Return microseconds of a part per record, or per request where there is no record."""
        return self.spread.get(part) or spread_of([self._cost(part)])

    def _cost(self, part: str) -> float:
        done = self.rate * self.seconds
        return round(self.cpu_seconds.get(part, 0.0) / done * 1e6, 3) if done else 0.0


class Results(msgspec.Struct, kw_only=True):
    """`others_share` is how busy the machine was before anything of ours ran, 0 to 1."""

    started_at: str
    seconds: float
    machine: Machine
    cases: list[Case]
    indicative: bool
    others_share: float
    rounds: int
    targets: Sequence[Judged] = ()

    @property
    def good(self) -> bool:
        return all(case.good for case in self.cases)


def per_record(cpu_seconds: Mapping[str, float], records: int) -> dict[str, float]:
    """Return microseconds of processor time per record, empty where there is no record."""
    if not records:
        return {}
    return {part: round(cpu_seconds[part] / records * 1e6, 3) for part in PARTS}


def all_parts(use: Use) -> dict[str, float]:
    """Return the processor time of every part, nought for one that took no part."""
    return {part: round(use.cpu_seconds.get(part, 0.0), 3) for part in PARTS}


def median(runs: Sequence[Case]) -> Case:
    """Return the run in the middle by rate, with the failures and the spread of all runs."""
    ordered = sorted(runs, key=lambda case: case.rate)
    chosen = ordered[(len(ordered) - 1) // 2]
    worst = next((case for case in runs if not case.good), chosen)
    return msgspec.structs.replace(
        chosen,
        failures=sum(case.failures for case in runs),
        complaints=[complaint for case in runs for complaint in case.complaints][:5],
        records_answered=worst.records_answered,
        records_read_back=worst.records_read_back,
        each_run=[round(case.rate, 1) for case in runs],
        facts={name: max(case.facts.get(name, 0.0) for case in runs) for name in chosen.facts},
        spread={
            RATE: spread_of([case.rate for case in runs]),
            P99: spread_of([case.p99_ms for case in runs]),
            **{part: spread_of([case.cpu_spread(part).median for case in runs]) for part in PARTS},
        },
    )


def write(results: Results, folder: Path = FOLDER) -> Path:
    """Replace latest.json as a whole and return its path."""
    path = folder / LATEST
    text = msgspec.json.format(msgspec.json.encode(results), indent=1).decode()
    write_private(path, text + "\n")
    path.chmod(READABLE)
    return path


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return found
