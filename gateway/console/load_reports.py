"""Reports of load tests, read from the folder of the settings; what is no report is none.

A report is what `make bench` writes (docs/api.md section 6), in part by the same shapes. Nothing of
a file is trusted: it is read by its shape, bounded, and shown as text and numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec

from kernel.errors import NotFound

BYTES_MAX: Final = 4 * 1024 * 1024
LISTED_MAX: Final = 100
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.json", re.ASCII)
RATE: Final = "rate"
P99: Final = "p99_ms"

Words = Annotated[str, msgspec.Meta(max_length=2_000)]
Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]


class Spread(msgspec.Struct, frozen=True):
    """How the runs of one row lie."""

    least: Number
    median: Number
    most: Number


class Case(msgspec.Struct, frozen=True):
    """One row; `runs` are its figures round by round, `spread` how they lie."""

    name: Words
    system: Words
    generator: Words
    requests_per_second: Number
    records_per_second: Number
    p50_ms: Number
    p99_ms: Number
    failures: int
    records_answered: int
    records_read_back: int
    complaints: Sequence[Words] = ()
    runs: Mapping[str, Sequence[Number]] = {}
    spread: Mapping[str, Spread] = {}

    @property
    def rate(self) -> float:
        return self.records_per_second or self.requests_per_second

    @property
    def good(self) -> bool:
        return not self.failures and self.records_answered == self.records_read_back

    def spread_of(self, name: str) -> Spread:
        value = self.rate if name == RATE else self.p99_ms
        return self.spread.get(name) or Spread(value, value, value)


class Machine(msgspec.Struct, frozen=True):
    cores: int
    memory_bytes: int
    python: Words = ""
    kafka: Words = ""
    postgresql: Words = ""


class Judged(msgspec.Struct, frozen=True):
    """A target and what was measured; `reached` is None where the run did not measure it."""

    case: Words
    target: Words
    measured: Words
    reached: bool | None


class Ratio(msgspec.Struct, frozen=True):
    """How `case` compares with `against`, in rate or processor time, with its 95 % interval."""

    case: Words
    against: Words
    figure: Words
    value: Number
    low: Number
    high: Number
    rounds: int


class Sentence(msgspec.Struct, frozen=True):
    """What a run shows, for people."""

    zh: Words
    en: Words


class Curve(msgspec.Struct, frozen=True):
    """A series over time of a soak: seconds against megabytes."""

    name: Words
    seconds: Annotated[Sequence[Number], msgspec.Meta(min_length=1)]
    megabytes: Sequence[Number]

    def __post_init__(self) -> None:
        if len(self.seconds) != len(self.megabytes):
            raise ValueError("a curve has a size for each moment")


class Report(msgspec.Struct, frozen=True):
    started_at: datetime
    seconds: Number
    machine: Machine
    cases: Annotated[Sequence[Case], msgspec.Meta(min_length=1, max_length=500)]
    indicative: bool
    rounds: int
    others_share: Number = 0.0
    commit: Words = ""
    targets: Sequence[Judged] = ()
    ratios: Sequence[Ratio] = ()
    verdict: Sequence[Sentence] = ()
    curves: Sequence[Curve] = ()

    @property
    def good(self) -> bool:
        return all(case.good for case in self.cases)


@dataclass(frozen=True, slots=True)
class Listed:
    name: str
    report: Report


def listed(folder: Path | None) -> Sequence[Listed]:
    """Return the reports of the folder, the newest first; other files are passed over."""
    if folder is None or not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.glob("*.json"))[:LISTED_MAX]:
        report = _read(path)
        if report is not None:
            found.append(Listed(path.name, report))
    return sorted(found, key=lambda each: (each.report.started_at, each.name), reverse=True)


def one(folder: Path | None, name: str) -> Report:
    """Return the report of a name in the folder; raises NotFound for what is none."""
    report = _read(folder / name) if folder is not None and NAME.fullmatch(name) else None
    if report is None:
        raise NotFound
    return report


def _read(path: Path) -> Report | None:
    """Return what the file says; None where it is too large, a link, or no report."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > BYTES_MAX:
            return None
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
