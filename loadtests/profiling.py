"""`make profile`: where the processor time of the hot paths goes, as flame graphs.

Each case is driven as in the benchmark while py-spy looks at one gateway worker a hundred times a
second, native code included. Stacks that only wait are left out. Asking for a stack stops the
worker for a moment, so rates under it say nothing.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.report import Report
from deploy.local.wording import say
from exchange.log.topics import topic_of
from loadtests import flame
from loadtests import results as outcomes
from loadtests.arena import Arena, guarded, own_arena
from loadtests.cases import works
from loadtests.processes import gateway_workers
from loadtests.readback import delete
from loadtests.runs import RunFailed
from loadtests.stage import Pace, Stage, generate, prepare

ARCHIVE_RECORDS = 140_000
CASES = (
    "publish-500",
    "publish-1",
    "publish-1-keyed",
    "pull-500-masked",
    "pull-500-tail",
    "pull-catch-up",
)
# py-spy reads the symbols of every library before its first sample.
SECONDS, LEAD_SECONDS, STARTING_SECONDS, SPARE_SECONDS = 8, 2.0, 6.0, 60.0
RATE = 100
SUMMARY = "profile.md"
ADVICE = say(
    "采样需要 ptrace 权限：以 root 运行，或执行 sysctl kernel.yama.ptrace_scope=0；"
    "容器需要 SYS_PTRACE 能力。",
    "Sampling needs ptrace: run as root, or set sysctl kernel.yama.ptrace_scope=0; "
    "a container needs the SYS_PTRACE capability.",
)


def profile(stage: Stage, name: str, seconds: int, folder: Path) -> str:
    """Write the flame graph and the folded stacks of one case, return its table."""
    work, callers = works(stage)[name]
    lasting, begun = Pace(LEAD_SECONDS, seconds + STARTING_SECONDS), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(generate, stage, work, callers, lasting, begun=begun)
        begun.wait(SPARE_SECONDS)
        folded = flame.busy(_record(worker_of(stage.arena), seconds, stage.folder))
        total = load.result().total
    # A worker that py-spy has held for a second answers 503 until it has confirmed its rules.
    if not total.records:
        raise RunFailed("; ".join(total.complaints))
    _forget(stage)
    (folder / f"profile-{name}.folded").write_text(folded, encoding="utf-8")
    (folder / f"profile-{name}.svg").write_text(flame.svg(name, folded), encoding="utf-8")
    return flame.table(name, folded)


def worker_of(arena: Arena) -> int:
    """Return the pid of one gateway worker; all do the same."""
    gateway = arena.families["gateway"]
    return next(iter(gateway_workers(gateway)), gateway)


def _record(pid: int, seconds: int, folder: Path) -> str:
    """Return the folded stacks of a process; raises RunFailed, with what would help."""
    path = folder / "profile.folded"
    command = (
        *(py_spy(), "record", "--pid", str(pid), "--native", "--nolineno", "--format", "raw"),
        *("--rate", str(RATE), "--duration", str(seconds), "--output", str(path)),
    )
    limit = seconds + SPARE_SECONDS
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)  # noqa: S603
    if done.returncode:
        raise RunFailed(f"{done.stderr.strip()}\n{ADVICE}")
    return path.read_text(encoding="utf-8")


def py_spy() -> str:
    """Return the path of py-spy; raises RunFailed where the environment lacks it."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise RunFailed(say("缺少 py-spy：请先运行 make", "py-spy is missing: run make first"))
    return found


def _forget(stage: Stage) -> None:
    """Delete what was published, so that a long profile does not fill the disk."""
    for topic in map(topic_of, stage.world.feeds):
        asyncio.run(delete(stage.arena.bootstrap, topic, stage.ends(topic)))


def main() -> int:
    """Profile on a platform of its own and say where the graphs lie."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.profiling")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long each is sampled")
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES, help="cases")
    chosen = parser.parse_args()
    return guarded(lambda: _run(chosen.only, chosen.seconds))


def _run(names: Sequence[str], seconds: int) -> int:
    py_spy()
    report, folder = Report(), outcomes.FOLDER
    with own_arena(report) as arena:
        with report.step(say("准备压测数据", "preparing the world of the load test")):
            stage = prepare(arena, ARCHIVE_RECORDS)
        parts = []
        for name in names:
            with report.step(say(f"采样 {name}", f"profiling {name}")):
                parts.append(profile(stage, name, seconds, folder))
    text = "\n".join(parts)
    (folder / SUMMARY).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\n{folder}/profile-*.svg\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
