"""The test stack: a real PostgreSQL and a real Kafka of the session's own, beside any other."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.cluster import Cluster
from deploy.local.stack import Endpoints, Stack
from deploy.migrations.run import upgrade
from kernel.database import Database
from tests.support import leftovers, processes
from tests.support.brokers import Brokers, three_brokers
from tests.support.world import World

TOLD_CHARACTERS = 2000


def pytest_sessionstart() -> None:
    """Let nothing that the tests start outlive this process; a worker of xdist has its own."""
    leftovers.watch()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell each failure when it happens: a run that is cut short has told what it found."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if report.failed and not is_worker:
        told = f"\n{report.when} of {report.nodeid} failed after {report.duration:.0f} s"
        print(told, report.longreprtext[-TOLD_CHARACTERS:], sep="\n", flush=True)  # noqa: T201


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start both servers, unless SHUYUAN_TEST_DATABASE_URL and …_KAFKA_BOOTSTRAP name others."""
    named = {
        "postgres": os.environ.get("SHUYUAN_TEST_DATABASE_URL", ""),
        "kafka": os.environ.get("SHUYUAN_TEST_KAFKA_BOOTSTRAP", ""),
    }
    external = {part: place for part, place in named.items() if place}
    with Stack(tmp_path_factory.mktemp("stack"), external=external) as started:
        yield started


@pytest.fixture(scope="session")
def endpoints(stack: Stack) -> Endpoints:
    upgrade(stack.endpoints.database_url)
    return stack.endpoints


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Three brokers beside the stack's one, started by the first test that asks for them."""
    with three_brokers(tmp_path_factory.mktemp("brokers")) as started:
        yield started


@pytest.fixture
def cluster(brokers: Brokers) -> Iterator[Cluster]:
    """The three brokers, to be killed and frozen: they are whole again before the next test."""
    brokers.cluster.heal()
    yield brokers.cluster
    brokers.cluster.heal()


@pytest.fixture(scope="session")
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    opened = Database(endpoints.database_url, pool_size=60)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def settings(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of the session's gateway and worker."""
    place = {"SHUYUAN_BLOBS_DIR": str(tmp_path_factory.mktemp("blobs"))}
    return processes.environment(endpoints.database_url, endpoints.kafka_bootstrap, **place)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def platform(settings: dict[str, str], logs: Path) -> Iterator[processes.Running]:
    """A live gateway with two workers, and the worker process beside it."""
    with (
        processes.gateway(settings, logs / "gateway.log") as running,
        processes.worker(settings, logs / "worker.log"),
    ):
        yield running


@pytest.fixture(scope="session")
def gateway(platform: processes.Running) -> str:
    """The base URL of the live gateway."""
    return platform.base_url


@pytest.fixture(scope="session")
async def world(gateway: str, settings: dict[str, str], logs: Path) -> AsyncIterator[World]:
    """Signed-in staff and whatever a story needs, built through the public API."""
    async with World.begin(gateway, settings, logs / "credentials.json") as begun:
        yield begun
