"""A node whose two workers tell their pid: `python -m tests.support.small_node PORT HUNG [APP]`."""

import os
import sys
from collections.abc import Awaitable, Callable

import uvicorn

from gateway.http.asgi import Message
from gateway.http.processes import run


async def app(_scope: object, _receive: object, send: Callable[[Message], Awaitable[None]]) -> None:
    told = str(os.getpid()).encode()
    length = str(len(told)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", length), (b"connection", b"close")],
        }
    )
    await send({"type": "http.response.body", "body": told})


if __name__ == "__main__":
    port, hung_seconds, *named = sys.argv[1:]
    run(
        uvicorn.Config(
            f"tests.support.small_node:{named[0] if named else 'app'}",
            host="127.0.0.1",
            port=int(port),
            workers=2,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
            timeout_worker_healthcheck=int(hung_seconds),
        ),
        drain_seconds=0.2,
        preloaded="tests.support.small_node",
    )
