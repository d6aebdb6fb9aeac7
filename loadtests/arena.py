"""Where a load test happens: a platform of its own beside any other, every guard on."""

import asyncio
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import msgspec
import psutil

from deploy.local import artifacts, kafka, postgres
from deploy.local.files import locked, write_private
from deploy.local.ports import PortBook
from deploy.local.processes import Service
from deploy.local.report import Report
from deploy.local.up import Place, Platform, place
from loadtests.processes import cores, gateway_workers

LOCK_SECONDS = 5.0
TOLD = "arena.json"
# One subscription verifies by the thousand: a load test measures what that costs, not its limits.
BUDGETS = {
    "SHUYUAN_VERIFY_SUBJECTS_PER_DAY": "1000000000",
    "SHUYUAN_VERIFY_TRIES_PER_SUBJECT": "1000000000",
}
ROLES = ("gateway", "worker", "broker", "database")


@dataclass(frozen=True)
class Arena:
    """A running platform; `families` are the first pids of its parts, `folder` is private."""

    base_url: str
    database_url: str
    bootstrap: str
    credentials: Path
    folder: Path
    families: Mapping[str, int]
    workers: int


@dataclass(frozen=True)
class Machine:
    cores: int
    memory_bytes: int
    python: str
    kafka: str
    postgresql: str


class Told(msgspec.Struct, frozen=True):
    """What `make load` tells Locust of the platform; it lies in the private folder."""

    arena: Arena
    machine: Machine

    def write(self, folder: Path) -> None:
        write_private(folder / TOLD, msgspec.json.encode(self, enc_hook=str).decode())


def read_told(folder: Path) -> Told:
    text = (folder / TOLD).read_bytes()
    return msgspec.json.decode(text, type=Told, dec_hook=lambda kind, value: kind(value))


@contextmanager
def own_arena(report: Report, broker_port: int = 0) -> Iterator[Arena]:
    """Start a platform on ports of its own and stop it however the run ends; its data goes.

    The broker takes the given port if it is free, and tells which one it took.
    """
    root = place().state_dir / "bench"
    with locked(root.with_suffix(".lock"), patience_seconds=LOCK_SECONDS):
        _platform(root, report).down()  # what a killed run has left
        shutil.rmtree(root, ignore_errors=True)
        ports = PortBook(root / "ports.json")
        for name, port in ((postgres.NAME, 0), (kafka.NAME, broker_port)):
            ports.choose(name, port)  # any free port: the usual ones are left to `make up`
        started = _platform(root, report)
        try:
            started.up()
            yield arena_of(started, root / "loadtests")
        finally:
            started.down()
            shutil.rmtree(root, ignore_errors=True)


def _platform(root: Path, report: Report) -> Platform:
    return Platform(Place(root, 0, cores(), {}, BUDGETS), report)


def arena_of(running: Platform, folder: Path) -> Arena:
    """Return the arena that a running local platform is."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack = running.stack
    parts = (running.gateway, running.worker, stack.kafka.service, stack.postgres.service)
    return Arena(
        running.base_url,
        stack.endpoints.database_url,
        stack.endpoints.kafka_bootstrap,
        running.credentials,
        folder,
        {role: pid for role, part in zip(ROLES, parts, strict=True) if (pid := _pid(part))},
        _workers(running),
    )


def _pid(part: Service) -> int | None:
    """Return the pid of a part; None for a server that is not ours."""
    record = part.running()
    return record.pid if record else None


def _workers(running: Platform) -> int:
    pid = _pid(running.gateway)
    return (len(gateway_workers(pid)) if pid else 0) or 1


def machine(arena: Arena) -> Machine:
    return Machine(
        cores(),
        psutil.virtual_memory().total,
        platform.python_version(),
        _kafka_version(),
        asyncio.run(_postgresql_version(arena.database_url)),
    )


def _kafka_version() -> str:
    names = (jar.coordinate.split(":") for jar in artifacts.locked_jars("broker"))
    return next(version for _group, name, version in names if name.startswith("kafka_"))


async def _postgresql_version(database_url: str) -> str:
    connection = await asyncpg.connect(database_url)
    try:
        version = connection.get_server_version()
        return f"{version.major}.{version.minor}"
    finally:
        await connection.close()
