"""Several load machines: a master without users, and workers that make the load."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import PortBook
from loadtests import load
from loadtests.arena import Told, machine
from loadtests.cases import LOCUSTFILE
from loadtests.runs import ROOT
from loadtests.stage import Stage

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]

SECONDS, USERS = 6, 4
LIMIT_SECONDS = 200


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def run(stage: Stage, results: Path, master: Sequence[str], workers: int) -> dict[str, Any]:
    """Run `make load` without its page, with so many workers; return the case that it wrote."""
    Told(stage.arena, machine(stage.arena)).write(stage.folder)
    more = ["--headless", "--run-time", f"{SECONDS}s", "--users", str(USERS), *master]
    commands = [load.command(stage.arena, 0, results, [*more, "PublishBatch", "PublishSingle"])]
    worker = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--worker", *master[-2:]]
    commands += [[*worker, "--folder", str(stage.folder)]] * workers
    with (results / "log").open("wb") as log:
        running = [subprocess.Popen(each, cwd=ROOT, stderr=log) for each in commands]
    try:
        codes = [each.wait(LIMIT_SECONDS) for each in running]
    finally:
        for each in running:
            each.kill()
            each.wait()
    assert not any(codes), (results / "log").read_text(encoding="utf-8")[-3000:]
    (case,) = json.loads((results / "latest.json").read_text(encoding="utf-8"))["cases"]
    return dict(case)


async def test_what_all_machines_were_answered_is_read_back(
    stage: Stage, results: Path, tmp_path: Path
) -> None:
    port = str(PortBook(tmp_path / "ports.json").choose("locust-master"))
    master = [
        "--master",
        "--expect-workers",
        "2",
        "--master-bind-port",
        port,
        "--master-port",
        port,
    ]
    case = await asyncio.to_thread(run, stage, results, master, workers=2)
    assert case["failures"] == 0, case["complaints"]
    assert case["records_answered"] == case["records_read_back"] > 0
    assert 0 < case["callers"] <= USERS
    assert 0 < case["p50_ms"] <= case["p99_ms"]
    assert case["seconds"] > 0


async def test_a_run_without_the_page_is_written_down(stage: Stage, results: Path) -> None:
    case = await asyncio.to_thread(run, stage, results, [], workers=0)
    assert case["failures"] == 0, case["complaints"]
    assert case["records_answered"] == case["records_read_back"] > 0
    assert case["cpu_seconds"]["generator"] > 0
