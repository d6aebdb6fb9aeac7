"""The test stack: a real PostgreSQL and a real Kafka of the session's own, beside any other."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as examples

from deploy.local.cluster import Cluster
from deploy.local.stack import Endpoints, Stack
from deploy.migrations.run import upgrade
from kernel.database import Database
from tests.support import databases, forge, leftovers, processes
from tests.support.brokers import Brokers, three_brokers
from tests.support.world import World

TOLD_CHARACTERS = 2000
UNHURRIED = "unhurried"
# Whom every HTTP client trusts, of tests and of the commands that they run: to read the authorities
# of the whole web takes 40 ms of CPU each time, and all that is asked is on this machine.
NOBODY = Path(__file__).parent / "support" / "nobody.pem"


def pytest_sessionstart() -> None:
    """Let nothing that the tests start outlive this process; a worker of xdist has its own.

    No generated example has a deadline: on a busy machine 200 ms, Hypothesis's own, say nothing.
    """
    os.environ["SSL_CERT_FILE"] = str(NOBODY)
    examples.register_profile(UNHURRIED, deadline=None)
    examples.load_profile(UNHURRIED)
    leftovers.watch()


def pytest_sessionfinish() -> None:
    forge.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, and end with many short ones.

    A file is one process's own: begun last, a long one would leave the other without work.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, "integration" not in item.path.parts))


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
    home = tmp_path_factory.mktemp("stack")
    with Stack(home, external=external, lasting=False) as started:
        yield started


@pytest.fixture(scope="session")
async def endpoints(stack: Stack) -> AsyncIterator[Endpoints]:
    url = stack.endpoints.database_url
    await asyncio.to_thread(upgrade, url)
    yield stack.endpoints
    await databases.forget_migrated(url)


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Three brokers beside the stack's one, for as long as a file's tests ask for them.

    Three idle virtual machines to the end of a run took a tenth of a core from all other tests.
    """
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
    place = {
        "SHUYUAN_BLOBS_DIR": str(tmp_path_factory.mktemp("blobs")),
        "SHUYUAN_REPORTS_DIR": str(tmp_path_factory.mktemp("reports")),
    }
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
