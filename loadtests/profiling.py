"""`make profile`: where the processor time of the hot paths goes, as flame graphs and as tables.

Each case is driven as in the benchmark while py-spy looks at one gateway worker a hundred times a
second, native code included. Asking for a stack stops the worker for a moment, so rates under it
say nothing.
"""

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.report import Report
from deploy.local.wording import say
from exchange.log.topics import topic_of
from loadtests import results as outcomes
from loadtests.arena import Arena, guarded, own_arena
from loadtests.cases import works
from loadtests.generator import Pace
from loadtests.processes import gateway_workers
from loadtests.readback import delete
from loadtests.report import Table
from loadtests.runs import RunFailed
from loadtests.stage import Stage, generate, prepare

ARCHIVE_RECORDS = 140_000
CASES = (
    *("publish-500", "publish-1", "publish-1-keyed"),
    *("pull-500-masked", "pull-500-tail", "pull-catch-up"),
)
# py-spy reads the symbols of every library before its first sample.
SECONDS, LEAD_SECONDS, STARTING_SECONDS, SPARE_SECONDS = 8, 2.0, 6.0, 60.0
RATE = 100
# The table is made of the folded stacks, the graph is py-spy's own.
FORMATS = {"raw": "folded", "flamegraph": "svg"}
OWN = re.compile(r"\((kernel|auth|catalog|exchange|gateway)/")
# Threads and loops that only wait; py-spy cannot tell them from busy ones everywhere.
WAITING = re.compile(r"PyThread_acquire_lock_timed|always_pong|epoll_p?wait")
TABLE_LINES = 25
ADVICE = say(
    "采样需要 ptrace 权限：以 root 运行，或执行 sysctl kernel.yama.ptrace_scope=0；"
    "容器需要 SYS_PTRACE 能力。",
    "Sampling needs ptrace: run as root, or set sysctl kernel.yama.ptrace_scope=0; "
    "a container needs the SYS_PTRACE capability.",
)


def profile(stage: Stage, name: str, seconds: int, folder: Path) -> str:
    """Write the folded stacks and the flame graph of one case, return its table."""
    work, callers = works(stage)[name]
    lasting = Pace(LEAD_SECONDS, len(FORMATS) * (seconds + STARTING_SECONDS))
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(generate, stage, work, callers, lasting, begun=begun)
        begun.wait(SPARE_SECONDS)
        for form, ending in FORMATS.items():
            _record(worker_of(stage.arena), seconds, form, folder / f"profile-{name}.{ending}")
        total = load.result().total
    # A worker that py-spy has held for a second answers 503 until it has confirmed its rules.
    if not total.records:
        raise RunFailed("; ".join(total.complaints))
    for topic in map(topic_of, stage.world.feeds):  # a long profile does not fill the disk
        asyncio.run(delete(stage.arena.bootstrap, topic, stage.ends(topic)))
    return table(name, (folder / f"profile-{name}.folded").read_text(encoding="utf-8"))


def worker_of(arena: Arena) -> int:
    """Return the pid of one gateway worker; all do the same."""
    gateway = arena.families["gateway"]
    return next(iter(gateway_workers(gateway)), gateway)


def _record(pid: int, seconds: int, form: str, path: Path) -> None:
    """Write the samples of a process; raises RunFailed, with what would help."""
    command = (
        *(py_spy(), "record", "--pid", str(pid), "--native", "--nolineno", "--format", form),
        *("--rate", str(RATE), "--duration", str(seconds), "--output", str(path)),
    )
    limit = seconds + SPARE_SECONDS
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)  # noqa: S603
    if done.returncode:
        raise RunFailed(f"{done.stderr.strip()}\n{ADVICE}")


def py_spy() -> str:
    """Return the path of py-spy; raises RunFailed where the environment lacks it."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise RunFailed(say("缺少 py-spy：请先运行 make", "py-spy is missing: run make first"))
    return found


def table(title: str, folded: str) -> str:
    """Return Markdown: the frames in which most is spent, alone and in all, then ours in all."""
    alone, within = counts(folded)
    samples = alone.total() or 1
    frames = [
        (f"`{frame}`", f"{count / samples:.1%}", f"{within[frame] / samples:.1%}")
        for frame, count in alone.most_common(TABLE_LINES)
    ]
    ours = [(frame, count) for frame, count in within.most_common() if OWN.search(frame)]
    own = [(f"`{frame}`", f"{count / samples:.1%}") for frame, count in ours[:TABLE_LINES]]
    every = Table(("frame", "alone", "with what it calls"), frames).markdown()
    return (
        f"### {title}, {alone.total()} samples\n\n{every}\n"
        + Table(("function of ours", "with what it calls"), own).markdown()
    )


def counts(folded: str) -> tuple[Counter[str], Counter[str]]:
    """Count the samples of threads that work, "frame;frame;frame count" a line.

    By their innermost frame, and by every frame that they pass once or more.
    """
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        if not WAITING.search(stack):
            frames = stack.split(";")
            alone[frames[-1]] += int(count)
            within.update(dict.fromkeys(frames, int(count)))
    return alone, within


def main() -> int:
    """Profile on a platform of its own and say where the graphs lie."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.profiling")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long each is sampled")
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES, help="cases")
    chosen = parser.parse_args()
    return guarded(lambda: _run(chosen.only, chosen.seconds))


def _run(names: Sequence[str], seconds: int) -> int:
    py_spy()
    report, folder, parts = Report(), outcomes.FOLDER, []
    with own_arena(report) as arena:
        with report.step(say("准备压测数据", "preparing the world of the load test")):
            stage = prepare(arena, ARCHIVE_RECORDS)
        for name in names:
            with report.step(say(f"采样 {name}", f"profiling {name}")):
                parts.append(profile(stage, name, seconds, folder))
    text = "\n".join(parts)
    (folder / "profile.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\n{folder}/profile-*.svg\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
