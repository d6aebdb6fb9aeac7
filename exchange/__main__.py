"""`python -m exchange worker`: the loops that no request should wait for, in one process."""

import asyncio
import gc
import sys
import tempfile
from pathlib import Path

from exchange.log.access import Access
from kernel import logging as json_logging
from kernel import memory
from kernel.database_access import DatabaseAccess
from kernel.master_key import require_master_key
from kernel.metrics_folder import MetricsFolder
from kernel.metrics_server import serving
from kernel.settings import Settings
from kernel.starting import port_is_free, require_database, settings_for
from kernel.steps import new_selector_loop


def _metrics_port(settings: Settings) -> None:
    setting = "SHUYUAN_METRICS_HOST, SHUYUAN_WORKER_METRICS_PORT"
    port_is_free(settings.metrics_host, settings.worker_metrics_port, setting)


def main() -> None:
    """Run the one command that there is; exit 2 for any other."""
    if sys.argv[1:] != ["worker"]:
        sys.stderr.write("用法 / usage: python -m exchange worker\n")
        sys.exit(2)
    # What is imported stays; `memory.settle` sets the collector to work again.
    gc.disable()
    from exchange.worker import Worker  # noqa: PLC0415 - seconds, for nothing without a command

    settings = settings_for(
        DatabaseAccess.of, Access.of, Settings.other_master_key_bytes, _metrics_port
    )
    require_database(settings)
    if settings.has_master_key:
        require_master_key(settings)
    json_logging.configure(settings.log_level)
    memory.settle()
    with (
        tempfile.TemporaryDirectory(prefix="shuyuan-metrics-") as folder,
        serving(
            settings.metrics_host,
            settings.worker_metrics_port,
            (told := MetricsFolder(Path(folder))).exposition,
        ),
        asyncio.Runner(loop_factory=new_selector_loop) as runner,
    ):
        failed = runner.run(Worker(settings, told).run())
    sys.exit(failed)


main()
