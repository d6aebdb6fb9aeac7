"""What a load test is told of the platform that it meets."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.local import kafka, postgres
from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from deploy.local.report import Report
from deploy.local.up import GATEWAY, Place, Platform
from loadtests.arena import arena_of
from tests.support.eventually import eventually

SLEEPING = "import time; time.sleep(600)"
STARTING_SECONDS = 60.0


@contextmanager
def running(root: Path, name: str, *arguments: str, port: int = 0) -> Iterator[None]:
    """Run a program as that part of the local platform."""

    def answers() -> bool:
        try:
            return not port or httpx.get(f"http://{HOST}:{port}").is_success
        except httpx.TransportError:
            return False

    service = Service(name, root, ready=answers)
    try:
        service.start(Command((sys.executable, *arguments)), within_seconds=STARTING_SECONDS)
        yield
    finally:
        service.stop()


async def test_all_workers_of_the_gateway_are_counted(tmp_path: Path) -> None:
    """The children of the part that was looked at last, the database, were counted: one worker."""
    ports = PortBook(tmp_path / "ports.json")
    port = ports.choose(GATEWAY)
    for name in (postgres.NAME, kafka.NAME):
        ports.choose(name)
    platform = Platform(Place(tmp_path, port, 2, {}), Report())
    node = ("-m", "tests.support.small_node", str(port), "60")
    with (
        running(tmp_path, GATEWAY, *node, port=port),
        running(tmp_path, postgres.NAME, "-c", SLEEPING),
    ):
        await eventually(lambda: arena_of(platform, tmp_path / "own").workers == 2)
        assert set(arena_of(platform, tmp_path / "own").families) == {"gateway", "database"}
