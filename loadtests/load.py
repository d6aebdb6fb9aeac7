"""`make load`: Locust's own page against the platform that runs here, seeded and with tokens.

Publishing and pulling unless classes are named; further arguments are Locust's own. `--headless`
runs without the page and writes results like the benchmark; with `--master` other machines make the
load, and the figures are Locust's (loadtests/README.md). At the end the world is cleared away.
"""

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from deploy.arguments import Parser
from deploy.local.ports import HOST, PortBook
from deploy.local.report import Report
from deploy.local.up import Platform, place
from deploy.local.wording import say
from exchange.log.topics import topic_of
from loadtests import report as reports
from loadtests import results as outcomes
from loadtests.arena import Arena, arena_of, guarded, machine
from loadtests.cases import CASTS, LOCUSTFILE, measured, play
from loadtests.generator import Pace
from loadtests.processes import others_share
from loadtests.results import Label, Results
from loadtests.runs import ROOT
from loadtests.stage import Stage, prepare
from loadtests.targets import LOCUST, SHUYUAN
from loadtests.world import clear

USUAL_PORT = 8089
ARCHIVE_RECORDS = 60_000
PATIENCE_SECONDS = 10.0
# Those of the other cases are as many as their story needs: chosen all at once they would be all.
USUAL_CLASSES = ("PublishBatch", "PublishSingle", "PullMasked", "PullTail")
CASES = {name: cast.name for cast in CASTS for name in cast.classes}


def main(arguments: Sequence[str]) -> int:
    """Prepare a world of new names, then let Locust's page, or its arguments, decide what runs."""
    return guarded(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    report, where = Report(), place()
    running = Platform(where, report)
    running.up()
    arena = arena_of(running, where.state_dir / "loadtests")
    with report.step(say("准备压测数据", "preparing the world of the load test")):
        stage = prepare(arena, ARCHIVE_RECORDS)
    try:
        if "--headless" in arguments and "--master" not in arguments:
            return headless(stage, arguments, outcomes.FOLDER)
        port = PortBook(where.state_dir / "ports.json").choose("locust", USUAL_PORT)
        url = f"http://{HOST}:{port}"
        report.line(say(f"压测页面：{url}（Ctrl-C 结束）", f"Locust: {url} (Ctrl-C ends it)"))
        return _serve(command(arena, port, arguments))
    finally:
        with report.step(say("清理压测数据", "clearing the world of the load test")):
            _clear(stage)


def headless(stage: Stage, arguments: Sequence[str], folder: Path) -> int:
    """Run as the benchmark does, read the log back, write the results; 0 when all is well."""
    parser = Parser("make load", "对本机平台压测 / load against the running platform")
    parser.add_argument("--headless", action="store_true")
    parser.add_argument("--users", "-u", type=int, default=8)
    parser.add_argument("--run-time", "-t", type=_seconds, default=30.0)
    parser.add_argument("classes", nargs="*")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.classes) - CASES.keys():
        wrong, known = ", ".join(sorted(unknown)), ", ".join(CASES)
        parser.error(say(f"没有 {wrong}，可选：{known}。", f"unknown: {wrong}; there are {known}"))
    classes, started, others = chosen.classes or USUAL_CLASSES, datetime.now(UTC), others_share(0.1)
    names = {CASES[each] for each in classes}
    name = names.pop() if len(names) == 1 else "mixed"
    label = Label(name, SHUYUAN, LOCUST, chosen.users, stage.arena.workers)
    topics = map(topic_of, [*stage.world.feeds, stage.world.bulletin])
    pace = Pace(1.0, chosen.run_time)
    case = measured(
        stage, label, topics, partial(play, stage, stage.arena, chosen.users, classes, pace)
    )
    about = outcomes.about(machine(stage.arena), started, others)
    results = Results(**about, cases=[case], indicative=True, rounds=1)
    sys.stdout.write(reports.write(results, folder))
    return 0 if results.good else 1


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def command(arena: Arena, port: int, arguments: Sequence[str]) -> list[str]:
    """Return Locust's command: publishing and pulling, unless classes or a picker are named."""
    page = ("--web-host", HOST, "--web-port", str(port))
    chosen = CASES.keys() & set(arguments) or "--class-picker" in arguments
    return [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", arena.base_url),
        *("--folder", str(arena.folder), "--stop-timeout", "30"),
        *("--users", "8", "--spawn-rate", "100"),
        *(() if "--headless" in arguments else page),
        *arguments,
        *(() if chosen else USUAL_CLASSES),
    ]


def _clear(stage: Stage) -> None:
    """End what was registered, and delete what was published."""
    clear(stage.world, stage.arena.credentials)
    stage.delete(*stage.world.resources)


def _serve(command: Sequence[str]) -> int:
    """Run Locust until it ends by itself, or together with this program."""
    with subprocess.Popen(command, cwd=ROOT) as child:  # noqa: S603 - our own program
        try:
            return child.wait()
        finally:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(PATIENCE_SECONDS)
            child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
