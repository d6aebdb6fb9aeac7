"""Several workers of one node: started, replaced as soon as one dies or hangs, stopped in order.

uvicorn's own supervisor asks its workers one after the other and waits for each answer, up to the
whole time after which one counts as hung: a worker that was killed between two of its steps, or
beside one that hung, was not replaced for so long.

Workers are forked from a process of one thread that has imported the application and does nothing
else (`multiprocessing`'s fork server; gateway/preloaded.py).
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterable
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway.http.stopping import SIGNALS
from kernel import clock
from kernel.tasks import STOP_SECONDS, end_by_force_after

log = logging.getLogger(__name__)

_PROCESSES: Final = multiprocessing.get_context("forkserver")
TURN_SECONDS: Final = 0.5
# A worker that dies at once is not started more often than this.
YOUNG_SECONDS: Final = 1.0
# Connections are refused so long before the drain is over: the workers still take what has come.
REFUSED_EARLIER_SECONDS: Final = 0.5


def preload(module: str) -> None:
    """Fork workers from a process that has imported this module; said before the first is born."""
    _PROCESSES.set_forkserver_preload([module] if module else [])


class Worker:
    """A process that serves, and answers questions for its life from a thread of its own."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        self._pipe, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=_serve, args=(config, listening, theirs))
        self._process.start()
        theirs.close()
        self._born_at = clock.monotonic()
        self._asked = False
        self._silent_seconds = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def sentinel(self) -> int:
        """What `multiprocessing.connection.wait` returns when the process has ended."""
        return self._process.sentinel

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative where a signal ended it."""
        return self._process.exitcode

    @property
    def is_young(self) -> bool:
        return clock.monotonic() - self._born_at < YOUNG_SECONDS

    def ask(self, seconds: float, hung_seconds: float) -> None:
        """Ask whether it lives, without waiting; kill it when it was silent for too long.

        `seconds` have passed since the last time.
        """
        with contextlib.suppress(OSError, EOFError):  # it is ending
            if self._asked and self._pipe.poll():
                self._pipe.recv_bytes()
                self._asked, self._silent_seconds = False, 0.0
            if self._asked:
                self._silent_seconds += seconds
            else:
                self._pipe.send_bytes(b"?")
                self._asked = True
        if self._silent_seconds > hung_seconds:
            log.error("worker %d is killed: silent for %.0f s", self.pid, self._silent_seconds)
            self.kill()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Wait for its end and give back what it took in this process."""
        self._process.join()
        self._process.close()
        self._pipe.close()


class Workers:
    """The workers of one node and the socket they share."""

    def __init__(
        self, config: uvicorn.Config, listening: socket.socket, drain_seconds: float
    ) -> None:
        self._config = config
        self._listening = listening
        self._drain_seconds = drain_seconds
        self._hung_seconds = float(config.timeout_worker_healthcheck)
        self._stop, self._stopping = socket.socketpair()
        self._stop_asked = False
        self._started = True

    def run(self) -> bool:
        """Serve until a signal says stop; False when a worker could not start."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        workers = [self._born() for _ in range(self._config.workers)]
        looked_at = clock.monotonic()
        while not self._stop_asked:
            self._await_news(workers, TURN_SECONDS)
            now = clock.monotonic()
            # Frozen with its workers, this process has not waited for them.
            seconds, looked_at = min(now - looked_at, 2 * TURN_SECONDS), now
            workers = [self._seen_to(worker, seconds) for worker in workers]
        self._end(workers)
        return self._started

    def _born(self) -> Worker:
        return Worker(self._config, self._listening)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self._stop_asked:
            self._stop_asked = True
            self._stopping.send(b"!")

    def _await_news(self, workers: Iterable[Worker], seconds: float) -> None:
        """Return when a worker has ended or a signal came, and after `seconds` at the latest."""
        living = [worker.sentinel for worker in workers if worker.exit_code is None]
        wait([self._stop, *living], timeout=seconds)

    def _seen_to(self, worker: Worker, seconds: float) -> Worker:
        """Return this worker, or the one that takes its place."""
        code = worker.exit_code
        if code is None:
            worker.ask(seconds, self._hung_seconds)
            return worker
        if code == STARTUP_FAILURE:
            # The next one would fail in the same way.
            log.critical("worker %d could not start: the gateway ends", worker.pid)
            self._stop_asked, self._started = True, False
        if self._stop_asked or worker.is_young:
            return worker
        log.warning("worker %d has ended (%s): another one takes its place", worker.pid, code)
        worker.close()
        return self._born()

    def _end(self, workers: list[Worker]) -> None:
        """Stop all; refuse connections shortly before they stop to accept, and kill who does not.

        What the socket took and no worker accepts any more would be reset: a request that was sent
        and is lost. On a busy machine workers accept late, so they are given a moment for it.
        """
        for worker in workers:
            worker.terminate()
        _await_ends(workers, max(0.0, self._drain_seconds - REFUSED_EARLIER_SECONDS))
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        ending_seconds = (self._config.timeout_graceful_shutdown or 0) + STOP_SECONDS
        _await_ends(workers, REFUSED_EARLIER_SECONDS + ending_seconds)
        for worker in workers:
            if worker.exit_code is None:
                log.error("worker %d is killed: it did not stop", worker.pid)
                worker.kill()
            worker.close()


def _await_ends(workers: Iterable[Worker], seconds: float) -> None:
    """Return when all have ended, and after `seconds` at the latest."""
    deadline = clock.monotonic() + seconds
    while living := [worker.sentinel for worker in workers if worker.exit_code is None]:
        left = deadline - clock.monotonic()
        if left <= 0:
            return
        wait(living, timeout=left)


def _serve(config: uvicorn.Config, listening: socket.socket, asked: Connection) -> None:
    """Be a worker: exits with STARTUP_FAILURE where it could not start."""
    threading.Thread(target=_answer, args=(asked,), daemon=True, name="living").start()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _answer(asked: Connection) -> None:
    """Answer each question for as long as the process that asks lives; then stop as at SIGTERM.

    Killed, that process tells its workers nothing: they kept the port, and no other gateway could
    start. The pipe ends with it on every system.
    """
    with contextlib.suppress(OSError, EOFError):
        while True:
            asked.send_bytes(asked.recv_bytes())
    log.critical("this worker ends: the gateway that started it was killed")
    end_by_force_after(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
