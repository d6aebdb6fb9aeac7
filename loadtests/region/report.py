"""What a day of the region was: figures by mode and system, processor time by part."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from deploy.markdown import table
from loadtests.processes import Use

if TYPE_CHECKING:
    # Importing Locust changes the sockets of whoever reads a report.
    from locust.stats import RequestStats


class Line(msgspec.Struct, frozen=True):
    """What one system did by one mode: times in milliseconds, records as they were handed on."""

    mode: str
    system: str
    requests: int
    failures: int
    records: int
    p50_ms: float
    p99_ms: float


class Day(msgspec.Struct, frozen=True):
    """A whole run; `cores_elsewhere` is what the machine did for others meanwhile."""

    minutes: float
    lines: list[Line]
    pushed: int
    published: int
    cpu_seconds: dict[str, float]
    cores_elsewhere: float
    faults: list[str]


def lines_of(stats: "RequestStats", read: Mapping[str, int]) -> list[Line]:
    entries = sorted(stats.entries.values(), key=lambda it: (it.method, it.name))
    return [
        Line(
            mode=entry.method,
            system=entry.name,
            requests=entry.num_requests,
            failures=entry.num_failures,
            records=read.get(f"{entry.method} {entry.name}", 0),
            p50_ms=float(entry.get_response_time_percentile(0.5) or 0),
            p99_ms=float(entry.get_response_time_percentile(0.99) or 0),
        )
        for entry in entries
    ]


def faults_of(stats: "RequestStats") -> list[str]:
    return [f"{e.method} {e.name}: {e.occurrences} × {e.error}" for e in stats.errors.values()]


def costs(use: Use) -> tuple[dict[str, float], float]:
    spent = {role: round(seconds, 1) for role, seconds in use.cpu_seconds.items()}
    return spent, round(use.others_cpu_seconds / use.seconds, 2)


def told(day: Day) -> str:
    """The figures in Markdown."""
    head = ("方式 / mode", "系统 / system", "请求 / requests", "失败 / failed", "记录 / records",
            "p50 ms", "p99 ms")  # fmt: skip
    rows = [
        (e.mode, e.system, f"{e.requests:,}", e.failures, f"{e.records:,}",
         f"{e.p50_ms:.0f}", f"{e.p99_ms:.0f}")
        for e in day.lines
    ]  # fmt: skip
    cpu = ", ".join(f"{role} {seconds:.1f} s" for role, seconds in day.cpu_seconds.items())
    return (
        f"{table(head, rows)}\n"
        f"- 已确认 / acknowledged: {day.published:,}, 推送到达 / pushed: {day.pushed:,}\n"
        f"- CPU: {cpu}; 其他进程 / elsewhere {day.cores_elsewhere:.2f} cores\n"
    )
