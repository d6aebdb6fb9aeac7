"""What a worker does once before it serves: the first request of all would do it on the loop."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gateway.http.asgi import App, Message
from gateway.services import Services
from kernel import clock

PATH: Final = "/healthz"
SETTLE_SECONDS = 5.0
LOOK_SECONDS = 0.02


async def settled(using: Services) -> None:
    """Wait until the worker may answer, for SETTLE_SECONDS at most.

    A node says that it is ready as soon as one of its workers does: the others, and whichever
    takes the place of one that died, would refuse what they were sent until then. What is away
    for longer, `/readyz` names.
    """
    until = clock.monotonic() + SETTLE_SECONDS
    while True:
        if using.settled or clock.monotonic() > until:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def warm(app: App) -> None:
    """Ask the application for its health: FastAPI makes its routes at the first request (P11).

    That takes a third of a second of CPU.
    """
    # In a task of its own: what a request leaves in its context is none of ours.
    await asyncio.create_task(_ask(app))


async def _ask(app: App) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": None,
        "server": None,
        "state": {},
    }
    await app(scope, _nothing_more, _unheard)


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(_message: Mapping[str, Any]) -> None:
    return None
