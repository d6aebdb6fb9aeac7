"""Where a load test happens: a platform of its own beside any other, every guard on.

That of a benchmark goes with it; that of a soak stays, stopped, for the next one, and more gateways
may be started beside its own.
"""

import asyncio
import contextlib
import functools
import platform
import resource
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import psutil
import typer

from deploy.local import artifacts, kafka, postgres
from deploy.local.files import locked, read_json
from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service, gateway_workers
from deploy.local.report import Report
from deploy.local.up import METRICS_PORTS, Place, Platform, place
from deploy.local.wording import LocalError
from gateway.console.load_reports import Machine
from loadtests.processes import cores
from loadtests.runs import ROOT, RunFailed
from shuyuan_client.failures import EXIT_INTERRUPTED, Failure

LOCK_SECONDS = 5.0
# One subscription verifies by the thousand: a load test measures what that costs, not its limits.
BUDGETS = {
    "SHUYUAN_VERIFY_SUBJECTS_PER_DAY": "1000000000",
    "SHUYUAN_VERIFY_TRIES_PER_SUBJECT": "1000000000",
}
ROLES = ("gateway", "worker", "broker", "database")
READY_SECONDS, PROBE_SECONDS = 180.0, 5.0
# Publishing over 2,000 topics leaves about 1 GB a run, and no segment is full enough to be freed.
KEPT_BYTES_MAX = 24 * 2**30


@dataclass(frozen=True)
class Arena:
    """A running platform; `families` are the first pids of its parts, `folder` is private.

    `settings` are those of its programs, from which more gateways can be started.
    """

    base_url: str
    database_url: str
    bootstrap: str
    credentials: Path
    folder: Path
    families: Mapping[str, int]
    workers: int
    settings: Mapping[str, str] = field(default_factory=dict)


def guarded(run: Callable[[], int]) -> int:
    """Run a program's work; what it could not do is told, and an interruption ends it in order."""
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        return run()
    except (LocalError, RunFailed, Failure, OSError, msgspec.ValidationError) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def program(work: Callable[..., int]) -> None:
    """Run work with the options that its parameters name, and end the program with its code."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @functools.wraps(work)
    def run(**options: object) -> None:
        raise typer.Exit(guarded(functools.partial(work, **options)))

    app.command(help=sys.modules[work.__module__].__doc__)(run)
    app()


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def own_arena(report: Report, broker_port: int = 0) -> Iterator[Arena]:
    """Start a platform on ports of its own and stop it however the run ends; its data goes.

    The broker takes the given port if it is free, and tells which one it took.
    """
    root = place().state_dir / "bench"
    with _started(root, report, broker_port, is_kept=lambda: False) as arena:
        yield arena


@contextmanager
def kept_arena(name: str, report: Report) -> Iterator[Arena]:
    """Start the kept platform and stop it however the run ends; its data stays for the next."""
    root = place().state_dir / name
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with _started(root, report, 0, is_kept=lambda: _size_bytes(root) <= KEPT_BYTES_MAX) as arena:
        yield arena


@contextmanager
def _started(
    root: Path, report: Report, broker_port: int, *, is_kept: Callable[[], bool]
) -> Iterator[Arena]:
    with locked(root.with_suffix(".lock"), patience_seconds=LOCK_SECONDS):
        if not is_kept():
            _platform(root, report).down()  # what a killed run has left
            shutil.rmtree(root, ignore_errors=True)
        ports = PortBook(root / "ports.json")
        for name in (postgres.NAME, kafka.NAME, *METRICS_PORTS):
            # Any free port: the usual ones are left to `make up`.
            ports.choose(name, broker_port if name == kafka.NAME else 0)
        started = _platform(root, report)
        try:
            started.up()
            settings = read_json(root / "run" / "environment.json")
            yield replace(arena_of(started, root / "loadtests"), settings=settings)
        finally:
            started.down()
            if not is_kept():
                shutil.rmtree(root, ignore_errors=True)


def _size_bytes(folder: Path) -> int:
    """Return what the folder takes on the disk, holes not counted."""
    files = (path for path in folder.rglob("*") if path.is_file()) if folder.exists() else ()
    return sum(path.stat().st_blocks * 512 for path in files)


def _platform(root: Path, report: Report) -> Platform:
    return Platform(Place(root, 0, cores(), {}, BUDGETS), report)


def arena_of(running: Platform, folder: Path) -> Arena:
    """Return the arena that a running local platform is."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack = running.stack
    parts = (running.gateway, running.worker, stack.kafka.service, stack.postgres.service)
    pids = {role: _pid(part) for role, part in zip(ROLES, parts, strict=True)}
    families = {role: pid for role, pid in pids.items() if pid}
    return Arena(
        running.base_url,
        stack.endpoints.database_url,
        stack.endpoints.kafka_bootstrap,
        running.credentials,
        folder,
        families,
        _workers(families.get("gateway")),
    )


def _workers(gateway: int | None) -> int:
    """Count the gateway's workers; it is one itself where it has none, or is not ours."""
    return (len(gateway_workers(gateway)) if gateway else 0) or 1


def _pid(part: Service) -> int | None:
    """Return the pid of a part; None for a server that is not ours."""
    record = part.running()
    return record.pid if record else None


@dataclass(frozen=True)
class Beside:
    """One more gateway of the platform: how long it took to answer, and where it is."""

    arena: Arena
    seconds_to_ready: float


@contextmanager
def beside(arena: Arena, *, workers: int = 1, **changes: str) -> Iterator[Beside]:
    """Run one more gateway with a number of workers and changed settings; raises StartFailed."""
    port = PortBook(arena.folder / "ports.json").choose("beside")
    settings = {
        **arena.settings,
        "SHUYUAN_PORT": str(port),
        "SHUYUAN_GATEWAY_METRICS_PORT": "0",
        "SHUYUAN_WORKERS": str(workers),
        "SHUYUAN_LOG_LEVEL": "warning",
        **changes,
    }
    command = Command((sys.executable, "-m", "gateway", "serve"), settings, ROOT)
    begun = time.monotonic()
    with served(arena, command, port, "/readyz") as own:
        yield Beside(replace(own, workers=workers), time.monotonic() - begun)


@contextmanager
def served(arena: Arena, command: Command, port: int, probe: str) -> Iterator[Arena]:
    """Run a service beside the platform until it is no longer needed; raises StartFailed.

    Its processes stand where the gateway's do.
    """
    base_url = f"http://{HOST}:{port}"
    service = Service(f"beside-{port}", arena.folder, ready=lambda: _answers(base_url + probe))
    try:
        service.start(command, within_seconds=READY_SECONDS)
        pid = _pid(service)
        if pid is None:
            raise RunFailed(service.tail())
        yield replace(arena, base_url=base_url, families={**arena.families, "gateway": pid})
    finally:
        service.stop()


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=PROBE_SECONDS, verify=False).is_success  # noqa: S501 - no TLS
    return False


def machine(arena: Arena) -> Machine:
    return Machine(
        cores(),
        psutil.virtual_memory().total,
        platform.python_version(),
        _kafka_version(),
        asyncio.run(fetched(arena.database_url, "SHOW server_version")).split()[0],
    )


def _kafka_version() -> str:
    names = (jar.coordinate.split(":") for jar in artifacts.locked_jars("broker"))
    return next(version for _group, name, version in names if name.startswith("kafka_"))


async def fetched(database_url: str, query: str, *arguments: object) -> Any:  # noqa: ANN401 - SQL's
    """Return one value of the database, asked for past the exchange."""
    async with connected(database_url) as connection:
        return await connection.fetchval(query, *arguments)


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()
