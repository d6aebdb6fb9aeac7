"""Ends what a test process has started and left behind, however that process itself ended.

Killed, it runs no fixture to its end: its servers stayed for ever and took the processors from
every later run. A watcher beside it holds the other end of a pipe, which the kernel closes with
the process, and ends whatever carries the mark of that process in its environment: all programs
that it has started, and theirs. A mere fork carries none.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
# Not of the platform's settings: tests give these to their children, or none of them.
MARK = "TESTS_PROCESS"
GRACE_SECONDS = 15.0
ROUNDS = 5


def watch() -> None:
    """Mark what this process will start, and end it when this process is gone."""
    mark = uuid.uuid4().hex
    watcher = subprocess.Popen(
        [sys.executable, "-m", "tests.support.leftovers", mark],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != MARK},
        stdin=subprocess.PIPE,
        # Whoever reads the output of a test run to its end does not wait for the watcher.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert watcher.stdin is not None
    # A fork would hold the pipe open beyond the life of this process.
    os.register_at_fork(after_in_child=watcher.stdin.close)
    os.environ[MARK] = mark
    atexit.register(_end_watcher, watcher)


def _end_watcher(watcher: subprocess.Popen[bytes]) -> None:
    """Let an orderly end, too, leave nothing behind."""
    assert watcher.stdin is not None
    watcher.stdin.close()
    watcher.wait()


def end_marked(mark: str) -> None:
    """End every process with this mark: asked first, killed after a while.

    What one of them started meanwhile is found in the next round.
    """
    for _ in range(ROUNDS):
        marked = _marked(mark)
        if not marked:
            return
        _tell(marked, signal.SIGCONT)
        _tell(marked, signal.SIGTERM)
        _gone, alive = psutil.wait_procs(marked, GRACE_SECONDS)
        _tell(alive, signal.SIGKILL)
        psutil.wait_procs(alive, GRACE_SECONDS)


def _marked(mark: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _carries(process, mark)]


def _carries(process: psutil.Process, mark: str) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARK) == mark
    return False


def _tell(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # nothing ever comes: it ends with the process that was watched
    end_marked(sys.argv[1])
