"""The worker process: healthy while its loops are, gone when it is told to."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.local.ports import PortBook
from deploy.local.postgres import Postgres
from deploy.local.stack import Endpoints
from deploy.migrations.run import upgrade
from exchange import __name__ as package
from kernel import outbox
from kernel.database import Database
from kernel.ids import new_id
from kernel.tasks import FAILED
from tests.support import processes
from tests.support.databases import connected, new_database
from tests.support.eventually import eventually

STOP_SECONDS = 60


@pytest.mark.parametrize("arguments", [[], ["serve"], ["worker", "twice"]])
def test_it_knows_one_command(arguments: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", package, *arguments], capture_output=True, timeout=120, check=False
    )
    assert ran.returncode == 2
    assert b"usage" in ran.stderr
    assert b"Traceback" not in ran.stderr


async def test_it_beats_works_and_stops_when_told(
    own: Database, endpoints: Endpoints, settings: dict[str, str], tmp_path: Path
) -> None:
    beat = tmp_path / "heartbeat"
    mine = {
        **settings,
        "SHUYUAN_DATABASE_URL": own.url,
        "SHUYUAN_WORKER_HEARTBEAT_FILE": str(beat),
    }
    with processes.worker(mine, tmp_path / "worker.log") as running:
        await eventually(beat.exists, within_seconds=30)
        await left_and_relayed(own.url)
        first = beat.stat().st_mtime
        await eventually(lambda: beat.stat().st_mtime > first, within_seconds=5)
        running.process.terminate()
        began = time.monotonic()
        assert await asyncio.to_thread(running.process.wait, STOP_SECONDS) == 0
        assert time.monotonic() - began < STOP_SECONDS
    assert "Traceback" not in running.log.read_text()


async def test_a_loop_that_breaks_ends_the_worker(
    endpoints: Endpoints, settings: dict[str, str], tmp_path: Path
) -> None:
    """A dead loop stayed dead while the worker went on (C14)."""
    beat = tmp_path / "heartbeat"
    async with new_database(endpoints.database_url) as url, connected(url) as connection:
        await connection.execute("DROP TABLE exchange.read_count")
        mine = {
            **settings,
            "SHUYUAN_DATABASE_URL": url,
            "SHUYUAN_WORKER_HEARTBEAT_FILE": str(beat),
        }
        with processes.worker(mine, tmp_path / "worker.log") as running:
            log = running.log
            await eventually(lambda: "seal-counts ended" in log.read_text(), within_seconds=30)
            assert await asyncio.to_thread(running.process.wait, STOP_SECONDS) == FAILED
            assert "one of its loops has died" in log.read_text()


async def test_a_database_that_goes_and_comes_breaks_no_loop(
    settings: dict[str, str], tmp_path: Path
) -> None:
    beat, ports = tmp_path / "heartbeat", PortBook(tmp_path / "ports.json")
    server = Postgres(tmp_path, ports, usual_port=0, progress=lambda _line: None)
    await asyncio.to_thread(server.start)
    try:
        await asyncio.to_thread(upgrade, server.url)
        mine = {
            **settings,
            "SHUYUAN_DATABASE_URL": server.url,
            "SHUYUAN_WORKER_HEARTBEAT_FILE": str(beat),
        }
        with processes.worker(mine, tmp_path / "worker.log") as running:
            await eventually(beat.exists, within_seconds=30)
            server.service.kill(signal.SIGKILL)
            await asyncio.sleep(2.5)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await left_and_relayed(server.url)
            assert " ended" not in running.log.read_text()
            assert "worker waits" in running.log.read_text()
            assert time.time() - beat.stat().st_mtime < 3
    finally:
        await asyncio.to_thread(server.stop)


async def left_and_relayed(url: str) -> None:
    """Leave a message and return when the worker has taken it."""
    database = Database(url, pool_size=2)
    async with database.transaction() as session:
        outbox.add(session, "test.done", new_id(), {})

    async def relayed() -> bool:
        async with database.reading() as session:
            found = await session.execute(text("SELECT count(*) FROM kernel.outbox"))
            return not found.scalar_one()

    try:
        await eventually(relayed, within_seconds=15)
    finally:
        await database.close()
