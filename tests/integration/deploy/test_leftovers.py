"""A test run that is killed leaves nothing behind.

Its PostgreSQL, Kafka, gateways and workers stayed for ever, each crash another set of them.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.files import read_json
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[3]
RUN = """\
import os, sys, time
from pathlib import Path
from deploy.local.stack import Stack
from tests.support import leftovers, processes

leftovers.watch()
home = Path(sys.argv[1])
Stack(home, external={"kafka": "127.0.0.1:1"}).start()
forked = os.fork()  # it holds what its parent held, until the test ends it
if not forked:
    time.sleep(600)
with processes.running(["http.server", "--bind", "127.0.0.1", "0"], os.environ, home / "log") as it:
    print(it.process.pid, forked, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has watched itself, then started PostgreSQL and a program of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as started:
        yield started
        started.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_servers_end_with_the_test_process_that_started_them(
    run: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    assert run.stdout is not None
    program, fork = (psutil.Process(int(pid)) for pid in run.stdout.readline().split())
    server = psutil.Process(int(read_json(tmp_path / "run" / "postgres.json")["pid"]))
    left = [program, server, *server.children(recursive=True)]
    os.kill(run.pid, number)

    async def gone() -> bool:
        return not any(_lives(process) for process in left)

    try:
        await eventually(gone, within_seconds=5)
    finally:
        fork.kill()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
