"""Starts the project's programs from a process that has imported them already.

A gateway takes seconds of processor time to import, a worker as well, and the tests start some
hundred of each. Whatever is started here is a process of its own all the same, with its own
environment, session, log and signals; only its modules were there before it.
"""

import contextlib
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import util
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
# What each program imports sooner or later.
PRELOADED = {
    "gateway": ("gateway.preloaded", "gateway.http.processes", "kernel.metrics_server", "typer"),
    "exchange": ("exchange.worker", "kernel.metrics_server"),
}
HEAD_BYTES = 8
LARGEST_FD = 4096
START_SECONDS = 300.0


@dataclass(frozen=True)
class Order:
    """A module to be run as the main one, with the words after it and its whole environment."""

    words: Sequence[str]
    environment: Mapping[str, str]


class Forged:
    """A process that a forge has started: what tests use of `subprocess.Popen`."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, negative for a signal; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                told = self._connection.recv(HEAD_BYTES)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(["forged"], timeout or 0) from None
            self._connection.close()
            # A forge that is gone tells nothing any more: its last word is taken for a kill.
            self.returncode = int(told) if told else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forge:
    """The process that is forked from; it ends with the process that made it."""

    def __init__(self, program: str) -> None:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forge", program, str(there.fileno())],
                cwd=ROOT,
                # A library that starts threads when it is imported cannot be forked from.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
                start_new_session=True,
            )
        self._orders = here
        self._one_at_a_time = threading.Lock()

    def start(self, order: Order, log: int) -> Forged:
        """Start a process that writes to the open file `log`."""
        told, theirs = socket.socketpair()
        text = json.dumps(asdict(order)).encode()
        with self._one_at_a_time, theirs:
            socket.send_fds(self._orders, [b"%8d" % len(text)], [log, theirs.fileno()])
            self._orders.sendall(text)
        told.settimeout(START_SECONDS)
        return Forged(told, int(told.recv(HEAD_BYTES)))

    def close(self) -> None:
        self._orders.close()
        self._process.wait(START_SECONDS)


_forges: dict[str, Forge] = {}


def start(words: Sequence[str], environment: Mapping[str, str], log: int) -> Forged:
    """Start `python -m WORDS`, whose first word is one of PRELOADED."""
    if words[0] not in _forges:
        _forges[words[0]] = Forge(words[0])
    return _forges[words[0]].start(Order(list(words), dict(environment)), log)


def close() -> None:
    """End all forges; what they have started goes on."""
    while _forges:
        _forges.popitem()[1].close()


class _Smithy:
    """The forge's own side: forks on order, and tells how each fork has ended."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._waiting: dict[int, socket.socket] = {}

    def serve(self) -> tuple[Order, int] | None:
        """Return in each fork its order and log; None when nobody gives orders any more."""
        heard, told = socket.socketpair()
        told.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told.fileno())
        with heard, told, selectors.DefaultSelector() as selector:
            selector.register(self._orders, selectors.EVENT_READ)
            selector.register(heard, selectors.EVENT_READ)
            while True:
                for key, _events in selector.select():
                    if key.fileobj is heard:
                        heard.recv(4096)
                        self._bury()
                    elif (received := self._receive()) is None:
                        return None
                    elif self._is_fork(*received[1:]):
                        return received[:2]

    def close(self) -> None:
        """Leave in a fork what is the forge's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._orders.close()
        for waiting in self._waiting.values():
            waiting.close()

    def _receive(self) -> tuple[Order, int, int] | None:
        head, fds, _flags, _from = socket.recv_fds(self._orders, HEAD_BYTES, 2)
        if not head:
            return None
        text, length = b"", int(head)
        while len(text) < length:
            text += self._orders.recv(length - len(text))
        return Order(**json.loads(text)), fds[0], fds[1]

    def _is_fork(self, log: int, told: int) -> bool:
        waiting = socket.socket(fileno=told)
        pid = os.fork()
        if not pid:
            # The test may end its whole session as soon as it knows of it.
            os.setsid()
            with waiting:
                waiting.sendall(b"%8d" % os.getpid())
            return True
        os.close(log)
        self._waiting[pid] = waiting
        return False

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                with self._waiting.pop(pid) as waiting, contextlib.suppress(OSError):
                    waiting.sendall(b"%8d" % os.waitstatus_to_exitcode(status))


def _fork_as_spawned(path: Any, arguments: Sequence[Any], passed: Sequence[int]) -> int:  # noqa: ANN401 - as theirs
    """Stand in for `multiprocessing.util.spawnv_passfds`: the same program without its imports."""
    if threading.active_count() > 1:
        return _spawn(path, arguments, passed)  # type: ignore[no-any-return]
    pid = os.fork()
    if pid:
        return pid
    with contextlib.suppress(BaseException):
        _forget({0, 1, 2, *map(int, passed)})
        sys.argv = ["-c"]
        exec(arguments[-1], {"__name__": "__main__"})  # noqa: S102 - the library's own line
    os._exit(0)


def _forget(kept: Collection[int]) -> None:
    """Leave what a new program would not have: signal handlers, and files but the kept ones."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)) and number != signal.SIGINT:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for fd in set(range(LARGEST_FD)).difference(kept):
        with contextlib.suppress(OSError):
            os.close(fd)


_spawn: Any = util.spawnv_passfds


def main(program: str, orders: int) -> None:
    for module in PRELOADED[program]:
        importlib.import_module(module)
    threads = psutil.Process().num_threads()
    assert threads == 1, f"importing {program} has started {threads - 1} threads"
    smithy = _Smithy(socket.socket(fileno=orders))
    if (ordered := smithy.serve()) is None:
        return
    smithy.close()
    _run(*ordered)


def _run(order: Order, log: int) -> None:
    """Be a process like any other, with its own output and environment."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(order.environment)
    util.spawnv_passfds = _fork_as_spawned  # type: ignore[assignment]
    sys.argv = list(order.words)
    runpy.run_module(order.words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
