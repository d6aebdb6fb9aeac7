"""A node's workers are replaced as soon as they die or hang, whatever the others do (P4)."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from gateway.http.workers import TURN_SECONDS
from tests.support import processes
from tests.support.eventually import eventually
from tests.support.processes import Running

# No test waits for so long: whatever is replaced was not waited for until it counted as hung.
NEVER_SECONDS = 3600
# Longer than a worker takes to its first answer: it would be killed while it starts.
SOON_SECONDS = 10


@contextmanager
def node(tmp_path: Path, hung_seconds: int, *app: str) -> Iterator[Running]:
    port = processes.free_port()
    command = ["tests.support.small_node", str(port), str(hung_seconds), *app]
    base_url = f"http://127.0.0.1:{port}"
    with processes.running(command, os.environ, tmp_path / "node.log", base_url) as running:
        yield running


def serving(running: Running) -> int:
    """Return the pid of a worker that answers, 0 while none does."""
    try:
        return int(httpx.get(running.base_url, timeout=2).text)
    except httpx.TransportError:
        return 0


async def two_workers(running: Running) -> tuple[int, int]:
    """Return the pids of both once one of them serves."""
    await eventually(lambda: len(running.worker_pids()) == 2 and serving(running) > 0)
    first, second = running.worker_pids()
    return first, second


async def test_a_killed_worker_is_replaced_beside_one_that_hangs(tmp_path: Path) -> None:
    """Killed before it answered its supervisor, it left a node with one worker for a minute."""
    with node(tmp_path, NEVER_SECONDS) as running:
        hung, killed = await two_workers(running)
        try:
            for pid in (hung, killed):
                os.kill(pid, signal.SIGSTOP)
            time.sleep(2 * TURN_SECONDS)  # noqa: ASYNC251 - both are asked, and do not answer
            os.kill(killed, signal.SIGKILL)
            await eventually(lambda: serving(running) not in (0, hung, killed))
            assert hung in running.worker_pids()
        finally:
            os.kill(hung, signal.SIGCONT)


async def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path) -> None:
    with node(tmp_path, SOON_SECONDS) as running:
        hung, _other = await two_workers(running)
        os.kill(hung, signal.SIGSTOP)
        await eventually(lambda: hung not in running.worker_pids())
        await eventually(lambda: len(running.worker_pids()) == 2)


async def test_workers_that_cannot_start_end_the_node(tmp_path: Path) -> None:
    with node(tmp_path, NEVER_SECONDS, "nothing") as running:
        await eventually(lambda: running.process.poll() is not None)
        assert running.process.returncode == 3


async def test_a_signal_ends_all_of_them(tmp_path: Path) -> None:
    with node(tmp_path, NEVER_SECONDS) as running:
        workers = await two_workers(running)
        running.process.terminate()
        await eventually(lambda: running.process.poll() is not None)
        assert running.process.returncode == 0
        assert not _alive(workers)


def _alive(workers: Iterable[int]) -> list[int]:
    return [pid for pid in workers if Path(f"/proc/{pid}").exists()]
