"""The processes of one node: a worker alone, or several that share what they listen on."""

import contextlib
import logging
import multiprocessing
import multiprocessing.process
import os
import signal
import sys
import threading

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway.http.workers import Workers
from kernel.tasks import STOP_SECONDS, end_by_force_after

log = logging.getLogger(__name__)


def run(config: uvicorn.Config, drain_seconds: float) -> None:
    """Serve until a signal says stop; exits where a worker could not start."""
    if config.workers > 1:
        started = Workers(config, config.bind_socket(), drain_seconds).run()
    else:
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        started = server.started
    if not started:
        sys.exit(STARTUP_FAILURE)


def end_with_parent() -> None:
    """In a worker of several: stop as SIGTERM does, when the process that started it is gone.

    Killed, it tells its workers nothing: they kept the port, and no other gateway could start.
    The pipe that multiprocessing keeps between the two ends with either, on every system.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent,), daemon=True, name="parent").start()


def _outlive(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    log.critical("this worker ends: the gateway that started it was killed")
    end_by_force_after(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
