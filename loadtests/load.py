"""`make load`: Locust's own page against the platform that runs here, seeded and with tokens.

Publishing and pulling unless classes are named. Further arguments are Locust's own: `--master` lets
other machines make the load, `--headless` runs without the page (loadtests/README.md). At the end
the world that was made for it is cleared away.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.ports import HOST, PortBook
from deploy.local.report import Report
from deploy.local.up import Platform, place
from deploy.local.wording import say
from exchange.log.topics import topic_of
from loadtests import results as outcomes
from loadtests.arena import Arena, Told, arena_of, guarded, machine
from loadtests.cases import CASTS, LOCUSTFILE
from loadtests.readback import delete
from loadtests.runs import ROOT
from loadtests.stage import Stage, prepare
from loadtests.world import clear

USUAL_PORT = 8089
ARCHIVE_RECORDS = 60_000
PATIENCE_SECONDS = 10.0
# Those of the other cases are as many as their story needs: chosen all at once they would be all.
USUAL_CLASSES = ("PublishBatch", "PublishSingle", "PullMasked", "PullTail")
CLASSES = {name for cast in CASTS for name in cast.classes}


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
        Told(arena, machine(arena)).write(stage.folder)
    port = PortBook(where.state_dir / "ports.json").choose("locust", USUAL_PORT)
    url = f"http://{HOST}:{port}"
    report.line(say(f"压测页面：{url}（Ctrl-C 结束）", f"Locust: {url} (Ctrl-C ends it)"))
    try:
        return _serve(command(arena, port, outcomes.FOLDER, arguments))
    finally:
        with report.step(say("清理压测数据", "clearing the world of the load test")):
            _clear(stage)


def command(arena: Arena, port: int, results: Path, arguments: Sequence[str]) -> list[str]:
    """Return Locust's command: publishing and pulling, unless classes or a picker are named."""
    page = ("--web-host", HOST, "--web-port", str(port))
    chosen = CLASSES.intersection(arguments) or "--class-picker" in arguments
    return [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", arena.base_url),
        *("--folder", str(arena.folder), "--results", str(results)),
        *("--users", "8", "--spawn-rate", "100", "--stop-timeout", "30"),
        *(() if "--headless" in arguments else page),
        *arguments,
        *(() if chosen else USUAL_CLASSES),
    ]


def _clear(stage: Stage) -> None:
    """End what was registered, and delete what was published."""
    clear(stage.world, stage.arena.credentials)
    for topic in map(topic_of, stage.world.resources):
        asyncio.run(delete(stage.arena.bootstrap, topic, stage.ends(topic)))


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
