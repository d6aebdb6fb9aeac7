"""Where a soak happens: a platform of its own whose data is kept, and gateways beside it."""

import http.client
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import kafka, postgres
from deploy.local.files import locked, read_json
from deploy.local.ports import HOST, PortBook
from deploy.local.report import Report
from deploy.local.up import Place, Platform, place
from loadtests.arena import LOCK_SECONDS, Arena, arena_of
from loadtests.processes import cores
from loadtests.runs import ROOT, RunFailed

READY_SECONDS = 60.0
GRACE_SECONDS = 20.0
PROBE_SECONDS = 5.0
POLL_SECONDS = 0.01
# Publishing over 2,000 topics leaves about 1 GB a run, and no segment is full enough to be freed.
KEPT_BYTES_MAX = 24 * 2**30


@dataclass(frozen=True)
class Ground:
    """An arena and the settings of its programs, from which more gateways can be started."""

    arena: Arena
    settings: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.arena.folder


@contextmanager
def kept(name: str, report: Report) -> Iterator[Ground]:
    """Start the kept platform and stop it however the run ends; its data stays for the next."""
    root = place().state_dir / name
    allow_many_connections()
    with locked(root.with_suffix(".lock"), patience_seconds=LOCK_SECONDS):
        if _size_bytes(root) > KEPT_BYTES_MAX:
            _platform(root, report).down()
            shutil.rmtree(root)
        ports = PortBook(root / "ports.json")
        for part in (postgres.NAME, kafka.NAME):
            ports.choose(part)  # any free port: the usual ones are left to `make up`
        started = _platform(root, report)
        try:
            started.up()
            settings = read_json(root / "run" / "environment.json")
            yield Ground(arena_of(started, root / "loadtests"), settings)
        finally:
            started.down()


def _platform(root: Path, report: Report) -> Platform:
    return Platform(Place(root, 0, cores(), {}), report)


def _size_bytes(folder: Path) -> int:
    """Return what the folder takes on the disk, holes not counted."""
    files = (path for path in folder.rglob("*") if path.is_file()) if folder.exists() else ()
    return sum(path.stat().st_blocks * 512 for path in files)


def allow_many_connections() -> None:
    """Raise the number of open files of this process and its children to what is allowed."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True)
class Beside:
    """One more gateway of the platform: how long it took to answer, and where it is."""

    arena: Arena
    seconds_to_ready: float
    process: subprocess.Popen[bytes]


@contextmanager
def beside(ground: Ground, *, workers: int, **changes: str) -> Iterator[Beside]:
    """Run one more gateway with a number of workers and changed settings; raises RunFailed."""
    port = PortBook(ground.folder / "ports.json").choose("beside")
    settings = {
        **os.environ,
        **ground.settings,
        "SHUYUAN_PORT": str(port),
        "SHUYUAN_GATEWAY_METRICS_PORT": "0",
        "SHUYUAN_WORKERS": str(workers),
        "SHUYUAN_LOG_LEVEL": "warning",
        **changes,
    }
    log, base_url = ground.folder / "beside.log", f"http://{HOST}:{port}"
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "gateway", "serve"),
            stdout=output, stderr=output, env=settings, cwd=ROOT,
        )  # fmt: skip
    try:
        _await_ready(base_url, process, log)
        families = {**ground.arena.families, "gateway": process.pid}
        arena = replace(ground.arena, base_url=base_url, families=families, workers=workers)
        yield Beside(arena, time.monotonic() - begun, process)
    finally:
        _end(process)


def _await_ready(base_url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if answers(base_url):
            return
        time.sleep(POLL_SECONDS)
    raise RunFailed(f"the gateway did not become ready: {log.read_text(errors='replace')[-2000:]}")


def answers(base_url: str) -> bool:
    """Whether the gateway says that it can serve."""
    where = urlsplit(base_url)
    connection = http.client.HTTPConnection(where.hostname or HOST, where.port, PROBE_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
