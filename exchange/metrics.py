"""What both gateway and worker tell of database, log, clock and loops; docs/metrics.md."""

from typing import TYPE_CHECKING, Any, Final

from kernel.metrics import Gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel.database import Database
    from kernel.skew import Skew
    from kernel.tasks import Loops

WARNINGS_MAX: Final = 20
POOL_CONNECTIONS = Gauge(
    "shuyuan_database_connections", "connections of the pools, by what they do", "state"
)
CLOCK_AHEAD_SECONDS = Gauge(
    "shuyuan_clock_off_seconds", "by how much clocks differ from the database's", merge="max"
)
DEAD_LOOPS = Gauge("shuyuan_dead_loops", "loops that have died; their process ends")
BROKER_FINDINGS = Gauge(
    "shuyuan_broker_findings", "what is wrong with the brokers, in sentences of the log",
    merge="max",
)  # fmt: skip
FOREIGN_RECORDS = Gauge(
    "shuyuan_foreign_records", "records found in topics that the platform has not written"
)


def watch(database: "Database", skew: "Skew", loops: "Loops") -> None:
    """Let the gauges read this process."""
    POOL_CONNECTIONS.read_all_by(
        lambda: {(state,): number for state, number in database.connections().items()}
    )
    CLOCK_AHEAD_SECONDS.read_by(lambda: abs(skew.ahead or 0.0))
    DEAD_LOOPS.read_by(lambda: len(loops.failed))


def about(
    database: "Database", skew: "Skew", loops: "Loops", warnings: "Sequence[str]"
) -> dict[str, Any]:
    """Return what a process tells of itself to the others (kernel/presence.py)."""
    return {
        "dead_loops": loops.failed,
        "warnings": [*([skew.told] if skew.told else []), *warnings][:WARNINGS_MAX],
        "clock_ahead_seconds": None if skew.ahead is None else round(skew.ahead, 3),
        "connections": database.connections(),
    }


def watch_log(findings: "Callable[[], Sequence[str]]", foreign: "Callable[[], int]") -> None:
    BROKER_FINDINGS.read_by(lambda: len(findings()))
    FOREIGN_RECORDS.read_by(foreign)
