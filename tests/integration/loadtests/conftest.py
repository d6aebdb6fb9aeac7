"""A place for load tests: the session's platform, and a world with a filled archive."""

import asyncio
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from loadtests.arena import Arena
from loadtests.stage import Stage, prepare
from tests.support import processes
from tests.support.world import World

ARCHIVE = 30_000


@pytest.fixture(scope="session")
def arena(
    stack: Stack,
    platform: processes.Running,
    world: World,
    logs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Arena:
    """The session's platform as a place for load tests."""
    parts = {"broker": stack.kafka.service, "database": stack.postgres.service}
    started = {role: part.running() for role, part in parts.items()}
    families = {role: record.pid for role, record in started.items() if record}
    return Arena(
        world.base_url,
        stack.endpoints.database_url,
        stack.endpoints.kafka_bootstrap,
        logs / "credentials.json",
        tmp_path_factory.mktemp("loadtests"),
        {**families, "gateway": platform.process.pid},
        len(platform.worker_pids()),
    )


@pytest.fixture(scope="session")
async def stage(arena: Arena) -> Stage:
    """A world with a filled archive and its books."""
    return await asyncio.to_thread(prepare, arena, ARCHIVE)
