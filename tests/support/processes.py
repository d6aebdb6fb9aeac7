"""The project's own programs as child processes of a test, on the test's own stack."""

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from deploy.local.ports import any_free
from deploy.local.processes import gateway_workers
from tests.support import forge

ROOT = Path(__file__).parents[2]
READY_SECONDS = 300.0
Process = subprocess.Popen[bytes] | forge.Forged


def environment(database_url: str, kafka_bootstrap: str, **more: str) -> dict[str, str]:
    """Return the settings of one platform on the given servers, and nothing of the caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHUYUAN_")}
    port = free_port()
    return kept | {
        "SHUYUAN_ENVIRONMENT": "development",
        # A busy machine may keep a worker from its turn for more than the second of P3.
        "SHUYUAN_RULES_STALE_SECONDS": "5",
        # Every test signs in from the same address.
        "SHUYUAN_SIGN_IN_NAMES_PER_SOURCE": "1000",
        "SHUYUAN_DATABASE_URL": database_url,
        "SHUYUAN_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "SHUYUAN_REPLICATION_FACTOR": "1",
        "SHUYUAN_MIN_INSYNC_REPLICAS": "1",
        "SHUYUAN_MASTER_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "SHUYUAN_HOST": "127.0.0.1",
        "SHUYUAN_PORT": str(port),
        "SHUYUAN_BASE_URL": f"http://127.0.0.1:{port}",
        "SHUYUAN_WORKERS": "2",
        # Many stand side by side: whoever looks at metrics gives them a port.
        "SHUYUAN_GATEWAY_METRICS_PORT": "0",
        "SHUYUAN_WORKER_METRICS_PORT": "0",
        "SHUYUAN_LOG_LEVEL": "warning",
        "SHUYUAN_STEP_LOG_MS": "10",
        # Receivers and services of departments stand on the machine of the tests.
        "SHUYUAN_OUTBOUND_LOOPBACK": "true",
        **more,
    }


def free_port() -> int:
    """Return a port that suites running side by side are unlikely to choose as well."""
    return any_free()


@dataclass(frozen=True)
class Running:
    """A child with its log; `base_url` is empty for the worker."""

    process: Process
    base_url: str
    log: Path

    def worker_pids(self) -> list[int]:
        """Return the pids of the gateway's worker processes."""
        return gateway_workers(self.process.pid)


@contextmanager
def running(
    arguments: list[str], settings: Mapping[str, str], log: Path, base_url: str = ""
) -> Iterator[Running]:
    with log.open("ab") as output:
        process = _start(arguments, settings, output)
    try:
        yield Running(process, base_url, log)
    finally:
        _end(process)


def _start(arguments: list[str], settings: Mapping[str, str], output: BinaryIO) -> Process:
    """Start a module as a program; the project's own by a forge, which has imported it."""
    if arguments[0] in forge.PRELOADED:
        return forge.start(arguments, settings, output.fileno())
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=dict(settings),
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _end(process: Process) -> None:
    """Stop the child with all of its own children."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


@contextmanager
def gateway(settings: Mapping[str, str], log: Path) -> Iterator[Running]:
    """A live gateway; ready when it can serve."""
    base_url = f"http://127.0.0.1:{settings['SHUYUAN_PORT']}"
    with running(["gateway", "serve"], settings, log, base_url) as process:
        await_ready(process)
        yield process


def beside(settings: Mapping[str, str], *, workers: int = 1) -> dict[str, str]:
    """Return the settings of one more gateway of the same platform, on a port of its own."""
    return {
        **settings,
        "SHUYUAN_PORT": str(free_port()),
        "SHUYUAN_WORKERS": str(workers),
        # No balancer looks here.
        "SHUYUAN_DRAIN_SECONDS": "0",
    }


@contextmanager
def worker(settings: Mapping[str, str], log: Path) -> Iterator[Running]:
    with running(["exchange", "worker"], settings, log) as process:
        yield process


def await_ready(gateway_: Running) -> None:
    """Return when the gateway is ready; its log is shown when it does not become so."""
    with httpx.Client(base_url=gateway_.base_url, timeout=5) as http:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and gateway_.process.poll() is None:
            try:
                if http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise AssertionError(f"gateway not ready:\n{gateway_.log.read_text()[-4000:]}")
