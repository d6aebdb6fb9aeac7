"""The ASGI application that uvicorn serves: hot paths in front of FastAPI."""

from gateway.app import create
from gateway.hot.paths import HotPaths
from gateway.http.asgi import App
from gateway.http.budgets import set_budgets
from kernel import logging
from kernel.machine.lazy_compiled import LOADER
from kernel.settings import load
from kernel.tasks import end_process


def application() -> App:
    """Return a new application; each worker process calls this once."""
    settings = load()
    logging.configure(settings.log_level)
    set_budgets(untaken_bytes=settings.untaken_bytes, inflight_bytes=settings.inflight_bytes)
    LOADER.after = settings.compile_after_records
    app = create(settings, on_dead_loop=end_process)
    return HotPaths(app, lambda: app.state.services)
