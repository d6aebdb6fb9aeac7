"""The processes of one node: a worker alone, or several that share what they listen on."""

import contextlib
import sys

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway.http.workers import Workers, preload
from kernel import memory


def run(config: uvicorn.Config, drain_seconds: float, preloaded: str = "") -> None:
    """Serve until a signal says stop; exits where a worker could not start.

    Several workers are forked from a process that has imported the module `preloaded`.
    """
    if config.workers > 1:
        preload(preloaded)
        memory.settle()
        started = Workers(config, config.bind_socket(), drain_seconds).run()
    else:
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        started = server.started
    if not started:
        sys.exit(STARTUP_FAILURE)
