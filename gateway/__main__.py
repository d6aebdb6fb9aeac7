"""`python -m gateway serve`: the gateway with its workers."""

import gc
import os
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import typer
import uvicorn

from exchange.log.access import Access
from gateway.admin.commands import check_platform
from gateway.http.limits import allow_many
from gateway.http.processes import run
from kernel import logging
from kernel.database_access import DatabaseAccess
from kernel.master_key import require_master_key
from kernel.metrics_folder import MetricsFolder
from kernel.metrics_server import serving
from kernel.settings import Settings, load
from kernel.starting import is_public, port_is_free, require_database, settings_for
from shuyuan_client.cli.helping import in_one_language

GRACE_SECONDS = 10
BACKLOG = 4096
KEEP_ALIVE_SECONDS = 75
# A worker that answers nothing for so long is killed and replaced (gateway/http/workers.py); on a
# busy machine its start alone takes longer than five seconds.
HEALTHCHECK_SECONDS = 60

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="数据共享交换网关 / the exchange gateway",
)
app.command("check")(check_platform)


@app.command()
def serve() -> None:
    """启动网关 / serve until a signal says stop."""
    settings = settings_for(
        is_public,
        Settings.master_key_bytes,
        Settings.other_master_key_bytes,
        DatabaseAccess.of,
        Access.of,
        lambda wanted: port_is_free(wanted.host, wanted.port, "SHUYUAN_HOST, SHUYUAN_PORT"),
        lambda wanted: port_is_free(
            wanted.metrics_host,
            wanted.gateway_metrics_port,
            "SHUYUAN_METRICS_HOST, SHUYUAN_GATEWAY_METRICS_PORT",
        ),
    )
    require_database(settings)
    require_master_key(settings)
    logging.configure(settings.log_level)
    allow_many()
    # Until the application is imported (`kernel.memory.settle`): what is imported stays.
    gc.disable()
    with (
        tempfile.TemporaryDirectory(prefix="shuyuan-metrics-") as folder,
        _metrics(settings, Path(folder)),
    ):
        os.environ["SHUYUAN_METRICS_DIR"] = folder
        load.cache_clear()
        config = uvicorn.Config(
            "gateway.main:application",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            loop="kernel.steps:new_loop",
            http="gateway.http.connection:Connection",
            ws="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            # Nothing here trusts or needs an address that a proxy tells.
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            log_config=None,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_worker_healthcheck=HEALTHCHECK_SECONDS,
        )
        run(config, settings.drain_seconds, preloaded="gateway.preloaded")


def _metrics(settings: Settings, folder: Path) -> AbstractContextManager[int]:
    """Serve the sums of all workers from this process, which answers no requests beside."""
    exposition = MetricsFolder(folder).exposition
    return serving(settings.metrics_host, settings.gateway_metrics_port, exposition)


in_one_language(app)
app()
