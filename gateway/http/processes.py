"""The processes of one node: a worker alone, or several that share what they listen on."""

import contextlib
import logging
import multiprocessing
import multiprocessing.process
import os
import signal
import socket
import sys
import threading
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from gateway.http.stopping import SIGNALS
from kernel.tasks import STOP_SECONDS, end_by_force_after

log = logging.getLogger(__name__)


def run(config: uvicorn.Config, drain_seconds: float) -> None:
    """Serve until a signal says stop; exits where a single worker could not start."""
    if config.workers > 1:
        listening = config.bind_socket()
        workers = Multiprocess(config, sockets=[listening])
        _stop_listening(listening, drain_seconds)
        workers.run()
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
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


def _stop_listening(listening: socket.socket, drain_seconds: float) -> None:
    """Refuse connections for all workers at once, when the drain is over.

    Each worker stops to accept when it stops, and what the socket still took would wait for an
    accept that never comes: a request that was sent and is lost.
    """
    timer = threading.Timer(drain_seconds, _refuse, (listening,))
    timer.daemon = True
    for number in SIGNALS:
        told = signal.getsignal(number)

        def stop(number: int, frame: FrameType | None, told: object = told) -> None:
            if not timer.is_alive():
                with contextlib.suppress(RuntimeError):
                    timer.start()
            if callable(told):
                told(number, frame)

        signal.signal(number, stop)


def _refuse(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
