"""One gateway worker: what it opens and closes, its routers, its hot paths in front."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from gateway import once, problems
from gateway.console.routes import install as install_console
from gateway.docs import install as install_docs
from gateway.http.stopping import draining
from gateway.openapi import Described
from gateway.routers import ROUTERS
from gateway.services import Services, open_services
from gateway.warming import settled, warm
from kernel import memory
from kernel.settings import Settings, load

DESCRIPTION = "自治区数据共享交换平台 — 一数一源一标准 / Guangxi government data-sharing exchange"


def _end_polls(services: Services) -> None:
    services.bus.tail.wake()
    services.waits.wake_all()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = app.state.settings
    async with open_services(settings, app.state.on_dead_loop) as services:
        app.state.services = services
        await warm(app)
        await settled(services)
        memory.settle()
        with draining(settings.drain_seconds, partial(_end_polls, services)):
            yield


def create(
    settings: Settings | None = None, *, on_dead_loop: Callable[[], None] | None = None
) -> FastAPI:
    """Return the FastAPI application, without the hot paths in front of it.

    `on_dead_loop` is called once, when a loop of the worker has ended by itself: a process that
    is nothing but a worker ends with it (`kernel.tasks.end_process`).
    """
    app = Described(
        title="Shuyuan 数源",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings or load()
    app.state.on_dead_loop = on_dead_loop
    problems.install(app)
    app.add_exception_handler(once.Replay, once.replay)
    for router in ROUTERS:
        app.include_router(router)
    install_docs(app)
    install_console(app)
    return app
