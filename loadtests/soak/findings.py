"""What a soak found out, row by row, and whether it is what was aimed at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from loadtests.results import Case

# The parts whose processor time a record costs the platform; the generator's is its own.
SERVERS = ("gateway", "worker", "broker", "database")


class Finding(msgspec.Struct, kw_only=True):
    """One line of the table; `reached` is None where nothing was aimed at."""

    row: str
    case: str
    measured: str
    target: str = ""
    reached: bool | None = None
    facts: Mapping[str, float] = {}

    @property
    def good(self) -> bool:
        return self.reached is not False


class Curve(msgspec.Struct):
    """A series over time, for the plot: seconds against megabytes."""

    name: str
    seconds: list[float]
    megabytes: list[float]


@dataclass(slots=True)
class Found:
    """Everything that one row gives: lines of the table, the runs behind them, curves."""

    findings: list[Finding] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        self.findings += other.findings
        self.cases += other.cases
        self.curves += other.curves

    @property
    def broken(self) -> Sequence[Case]:
        """Return the runs with a failure, or with a difference between answers and log."""
        return [case for case in self.cases if not case.good]


def server_us(case: Case) -> float:
    """Return the platform's processor time per record, all its parts together."""
    return sum(case.cpu_us_per_record.get(part, 0.0) for part in SERVERS)
