"""The program of a department that its mounted service leads to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MIB = 1024 * 1024


@dataclass
class Provider:
    """The provider's own program; `answer` is what it does with the next calls."""

    answer: Any = None
    base_url: str = ""
    seen: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    open: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        self.open += 1
        try:
            told: web.StreamResponse = await self.answer(request)
        finally:
            self.open -= 1
        return told


@asynccontextmanager
async def providing() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application(client_max_size=16 * MIB)
    app.router.add_route("*", "/{tail:.*}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/base"
        yield made
    finally:
        await runner.cleanup()
