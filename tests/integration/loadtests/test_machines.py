"""`make load` without its page: on this machine alone, and with load machines of Locust's own."""

import asyncio
import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.ports import PortBook
from loadtests import load
from loadtests.cases import LOCUSTFILE
from loadtests.runs import ROOT
from loadtests.stage import Stage

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]

CLASSES = ("PublishBatch", "PublishSingle")
LIMIT_SECONDS = 200


async def test_a_run_without_the_page_is_written_down(stage: Stage, tmp_path: Path) -> None:
    asked = ["--headless", "--run-time", "3s", "--users", "4", *CLASSES]
    assert await asyncio.to_thread(load.headless, stage, asked, tmp_path) == 0
    (case,) = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))["cases"]
    assert case["failures"] == 0, case["complaints"]
    assert case["records_answered"] == case["records_read_back"] > 0
    assert case["cpu_seconds"]["generator"] > 0
    assert 0 < case["p50_ms"] <= case["p99_ms"]


def run(stage: Stage, folder: Path, port: str) -> None:
    """Run a master and two workers until Locust's time is over; all must end well."""
    master = ["--master", "--expect-workers", "2", "--master-bind-port", port]
    asked = ["--headless", "--run-time", "4s", "--users", "4", "--csv", str(folder / "locust")]
    commands = [load.command(stage.arena, 0, [*asked, *master, *CLASSES])]
    worker = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--worker"]
    commands += [[*worker, "--master-port", port, "--folder", str(stage.folder)]] * 2
    with (folder / "log").open("wb") as log:
        running = [subprocess.Popen(each, cwd=ROOT, stderr=log) for each in commands]
    try:
        codes = [each.wait(LIMIT_SECONDS) for each in running]
    finally:
        for each in running:
            each.kill()
            each.wait()
    assert not any(codes), (folder / "log").read_text(encoding="utf-8")[-3000:]


async def test_several_machines_make_the_load(stage: Stage, tmp_path: Path) -> None:
    port = str(PortBook(tmp_path / "ports.json").choose("locust-master"))
    await asyncio.to_thread(run, stage, tmp_path, port)
    with (tmp_path / "locust_stats.csv").open(encoding="utf-8") as lines:
        told = {row["Name"]: row for row in csv.DictReader(lines)}
    assert int(told["publish-500"]["Request Count"]) > 0
    assert told["Aggregated"]["Failure Count"] == "0"
