"""`python -m loadtests.bench [--quick]`: the benchmark, on a platform of its own.

Rows are run in turns, round after round, so that whatever else happens on the machine meets them
all; each figure is the run in the middle. Any failure, or a record acknowledged and not found in
the log, fails the run.
"""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from deploy.arguments import Parser
from deploy.local.ports import HOST
from deploy.local.report import Report
from deploy.local.wording import say
from loadtests import report as reports
from loadtests import results as outcomes
from loadtests.arena import guarded, machine, own_arena
from loadtests.bridges import BROKER_PORT, Bridge, make_ready, parse
from loadtests.cases import generators, is_spare, rows, works
from loadtests.generator import Pace
from loadtests.processes import others_share
from loadtests.references import naive
from loadtests.results import Case, Results, Row, middle
from loadtests.runs import ROOT, RunFailed
from loadtests.stage import Stage, generate, prepare
from loadtests.targets import WRK, judge

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`only` names rows as "case", "case/system" or "case/system/generator"; empty means all.

    Where no generator is named, the raw generator's rows are left out wherever wrk has the same.
    The archive is longer than the gateway's caches, so that reading it through meets the broker;
    `tool_archive_records` are what Kafka's own consumer reads. The broker's JVM compiles what is
    hot only after many thousand requests: it is warmed first.
    """

    rounds: int
    pace: Pace
    story: Pace
    archive_records: int
    naive_archive_records: int
    tool_archive_records: int
    warming_seconds: float
    indicative: bool = False
    only: Sequence[str] = ()
    bridges: Sequence[Bridge] = ()


def _quick() -> list[str]:
    """Return one row of each kind, for a run of a few minutes."""
    by = generators()[0]
    systems = ("shuyuan", "naive", "naive-batched")
    each = ("publish-1", "publish-1-keyed", "pull-500-masked", "pull-500-masked-quota", "pull-500")
    more = (
        *("pull-500-masked-tail", "pull-500-tail", "pull-catch-up", "query", "verify"),
        *("file-download", "service-call"),
    )
    return [
        *(f"publish-500/{system}/{by}" for system in systems),
        *("publish-500/shuyuan/locust", "publish-500/kafka-producer-perf-test/1 producer"),
        *(f"{name}/shuyuan/{by}" for name in (*each, *more)),
        *("pull-500-masked/naive/" + by, "pull-catch-up/kafka-consumer-perf-test"),
        *("push", "snapshot-parquet", "table-in/shuyuan", "table-out/shuyuan"),
        *("long-poll", "mixed", "storm", "revocation"),
    ]


FULL = Plan(
    rounds=5,
    pace=Pace(0.7, 1.5, 3_200_000),
    story=Pace(1.0, 7.0, pairs=5),
    archive_records=300_000,
    naive_archive_records=20_000,
    tool_archive_records=3_000_000,
    warming_seconds=12.0,
)
QUICK = Plan(
    rounds=1,
    pace=Pace(0.5, 1.5, 1_600_000),
    story=Pace(0.5, 2.0),
    archive_records=140_000,
    naive_archive_records=10_000,
    tool_archive_records=1_600_000,
    warming_seconds=1.5,
    indicative=True,
    only=_quick(),
)


def measure(stage: Stage, plan: Plan, folder: Path, report: Report, others: float = 0.0) -> Results:
    """Measure every row that the plan names; `others` is how busy the machine was before."""
    started = datetime.now(UTC)
    if WRK not in generators():
        report.line(say("未安装 wrk：略去其各行", "wrk is not installed: its rows are left out"))
    with report.step(say("预热", "warming the broker and the gateway")):
        _warm(stage, plan.warming_seconds)
    done: list[Case] = []
    with naive(stage, plan.naive_archive_records) as reference:
        bridges = _made_ready(stage, plan, report)
        known = rows(stage, reference, plan.tool_archive_records, done, bridges)
        wanted = [row for row in known if _is_wanted(row, plan.only)]
        cases = _rounds(wanted, plan, done, report)
    found = Results(
        **outcomes.about(machine(stage.arena), started, others),
        cases=cases,
        indicative=plan.indicative,
        rounds=plan.rounds,
        commit=_commit(),
        targets=judge(cases, indicative=plan.indicative),
        ratios=reports.ratios(cases),
        verdict=reports.sentences(cases, indicative=plan.indicative),
    )
    told = reports.write(found, folder)
    if not found.indicative:
        (folder / "bench.md").write_text(told, encoding="utf-8")
    sys.stdout.write(told)
    return found


def _made_ready(stage: Stage, plan: Plan, report: Report) -> list[Bridge]:
    """Wait for the bridges; one without a broker of its own speaks to the benchmark's."""
    own = stage.arena.bootstrap
    found = [dataclasses.replace(each, bootstrap=each.bootstrap or own) for each in plan.bridges]
    for bridge in found:
        told = f"{bridge.url}（bootstrap.servers={bridge.bootstrap}）"
        with report.step(say(f"等待网桥 {told}", f"waiting for the bridge {told}")):
            make_ready(bridge, plan.naive_archive_records)
    return found


def _commit() -> str:
    """Return the commit that is measured, and whether the tree differs from it."""
    command = ("git", "describe", "--always", "--dirty", "--exclude=*")
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return told.stdout.strip()


def _warm(stage: Stage, seconds: float) -> None:
    for name in ("publish-1", "publish-1-keyed", "publish-500"):
        total = generate(stage, *works(stage)[name], Pace(0.0, seconds / 3)).total
        if total.failures:
            raise RunFailed("; ".join(total.complaints))


def _rounds(wanted: Sequence[Row], plan: Plan, done: list[Case], report: Report) -> list[Case]:
    """Run the rows in turns, then each story once; every run is added to `done` as it ends."""
    plain = [row for row in wanted if not row.story]
    stories = [row for row in wanted if row.story]
    for row in [*plain * plan.rounds, *stories]:
        case = row.run(plan.story if row.story else plan.pace)
        done.append(case)
        report.line(_line(case))
    runs: dict[tuple[str, str, str], list[Case]] = {}
    for case in done:
        runs.setdefault(case.row, []).append(case)
    return [middle(each) for each in runs.values()]


def _line(case: Case) -> str:
    mark = "✓" if case.good else "✗"
    told = f"{case.requests_per_second:,.0f} req/s {case.records_per_second:,.0f} rec/s"
    names = " ".join(dict.fromkeys(case.row))
    return f"{mark} {names}: {told}, p99 {case.p99_ms:.1f} ms {' '.join(case.complaints)}".rstrip()


def _is_wanted(row: Row, only: Sequence[str]) -> bool:
    return any(_matches(row, wanted) for wanted in only or ("",))


def _matches(row: Row, wanted: str) -> bool:
    name, system, generator, *_ = [*wanted.split("/"), "", "", ""]
    named = all(
        not part or part == own
        for part, own in zip((name, system, generator), row.label.row, strict=True)
    )
    return named and (bool(generator) or not is_spare(row))


def _plan(arguments: Sequence[str]) -> Plan:
    parser = Parser("python -m loadtests.bench", "压测 / the benchmark")
    parser.add_argument(
        "--quick", action="store_true", help="每项一次，几分钟 / every row once, in a few minutes"
    )
    parser.add_argument("--rounds", type=int, help="每项重复的次数 / how often each row is run")
    parser.add_argument(
        "--seconds", type=float, help="每次测量的秒数 / how long each run is measured"
    )
    parser.add_argument(
        "--only",
        nargs="*",
        help='要做的项目，如 "case/system/generator" / rows, as "case/system/generator"',
    )
    parser.add_argument(
        "--bridge",
        nargs="*",
        help="Kafka REST v2 桥，如 [NAME=]URL / Kafka REST v2 bridges, as [NAME=]URL",
    )
    parser.add_argument(
        "--bridge-bootstrap",
        help=f"它们的代理，缺省为本项目的 {HOST}:{BROKER_PORT} / "
        f"their broker; else {HOST}:{BROKER_PORT}, ours",
    )
    chosen = parser.parse_args(arguments)
    plan = QUICK if chosen.quick else FULL
    seconds = chosen.seconds or plan.pace.seconds
    return dataclasses.replace(
        plan,
        rounds=chosen.rounds or plan.rounds,
        pace=msgspec.structs.replace(plan.pace, seconds=seconds),
        only=plan.only if chosen.only is None else tuple(chosen.only),
        bridges=[parse(each, chosen.bridge_bootstrap or "") for each in chosen.bridge or ()],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every row succeeded and every record was read back."""
    plan = _plan(sys.argv[1:] if arguments is None else arguments)
    return guarded(lambda: _run(plan))


def _run(plan: Plan) -> int:
    others, report = others_share(LOOK_SECONDS), Report()
    with own_arena(report, BROKER_PORT if plan.bridges else 0) as arena:
        with report.step(say("准备数据和对照页", "preparing the world, the archive and the pages")):
            stage = prepare(arena, plan.archive_records)
        found = measure(stage, plan, outcomes.FOLDER, report, others)
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
