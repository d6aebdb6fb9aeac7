"""`make profile`: where the processor time of the hot paths goes, as py-spy's flame graphs.

Each case is driven as in the benchmark while py-spy looks at one gateway worker a hundred times a
second, native code included. Asking for a stack stops the worker for a moment, so rates under it
say nothing.
"""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.arguments import Parser
from deploy.local.processes import gateway_workers
from deploy.local.report import Report
from deploy.local.wording import say
from loadtests import results as outcomes
from loadtests.arena import guarded, own_arena
from loadtests.cases import works
from loadtests.generator import Pace
from loadtests.runs import RunFailed
from loadtests.stage import Stage, generate, prepare

ARCHIVE_RECORDS = 140_000
CASES = (
    *("publish-500", "publish-1", "publish-1-keyed"),
    *("pull-500-masked", "pull-500-tail", "pull-catch-up"),
)
PY_SPY = Path(sys.executable).with_name("py-spy")
# py-spy reads the symbols of every library before its first sample.
SECONDS, STARTING_SECONDS, SPARE_SECONDS = 8, 8.0, 60.0
ADVICE = say(
    "采样需要 ptrace 权限：以 root 运行，或执行 sysctl kernel.yama.ptrace_scope=0；"
    "容器需要 SYS_PTRACE 能力。",
    "Sampling needs ptrace: run as root, or set sysctl kernel.yama.ptrace_scope=0; "
    "a container needs the SYS_PTRACE capability.",
)


def profile(stage: Stage, name: str, seconds: int, folder: Path) -> Path:
    """Write the flame graph of one case and return where; raises RunFailed."""
    work, callers = works(stage)[name]
    path = folder / f"profile-{name}.svg"
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(generate, stage, work, callers, Pace(0.0, seconds + STARTING_SECONDS))
        gateway = stage.arena.families["gateway"]
        _record(next(iter(gateway_workers(gateway)), gateway), seconds, path)
        total = load.result().total
    # A worker that py-spy has held for a second answers 503 until it has confirmed its rules.
    if not total.records:
        raise RunFailed("; ".join(total.complaints))
    stage.delete(*stage.world.feeds)
    return path


def _record(pid: int, seconds: int, path: Path) -> None:
    """Sample a process; raises RunFailed, with what would help."""
    command = (
        *(str(PY_SPY), "record", "--pid", str(pid), "--native", "--nolineno"),
        *("--format", "flamegraph", "--duration", str(seconds), "--output", str(path)),
    )
    limit = seconds + SPARE_SECONDS
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)  # noqa: S603
    if done.returncode:
        raise RunFailed(f"{done.stderr.strip()}\n{ADVICE}")


def main() -> int:
    """Profile on a platform of its own and say where the graphs lie."""
    parser = Parser(
        "python -m loadtests.profiling", "采样各数据通道 / flame graphs of the hot paths"
    )
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, help="每项采样的秒数 / how long each is sampled"
    )
    parser.add_argument(
        "--only", nargs="*", choices=CASES, default=CASES, help="要采样的项目 / cases"
    )
    chosen = parser.parse_args()
    return guarded(lambda: _run(chosen.only, chosen.seconds))


def _run(names: Sequence[str], seconds: int) -> int:
    report = Report()
    with own_arena(report) as arena:
        with report.step(say("准备压测数据", "preparing the world of the load test")):
            stage = prepare(arena, ARCHIVE_RECORDS)
        for name in names:
            with report.step(say(f"采样 {name}", f"profiling {name}")):
                report.line(str(profile(stage, name, seconds, outcomes.FOLDER)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
