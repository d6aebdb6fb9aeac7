"""Changes reach every worker within a second, or its rules are stale within a second (P3)."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from deploy.local.ports import PortBook
from deploy.local.postgres import Postgres
from deploy.local.stack import Endpoints
from kernel import changes, locks
from kernel.changes import LEASE_SECONDS, ChangeFeed, announce, is_living
from kernel.database import Database
from kernel.ids import new_id
from kernel.tasks import Loops
from tests.support.eventually import eventually
from tests.support.pooler import ending_late, swallowing_notifications

STALE_SECONDS = 1.0
SLACK_SECONDS = 0.5


class Ear:
    """A feed that runs, and what it has heard."""

    def __init__(self, url: str) -> None:
        self.feed = ChangeFeed(url, stale_seconds=STALE_SECONDS)
        self.heard: dict[str, float] = {}
        self.resets = 0
        self.feed.on("thing", self._hear)
        self.feed.on_reset(self._reset)

    def _hear(self, key: str) -> None:
        self.heard[key] = time.monotonic()

    def _reset(self) -> None:
        self.resets += 1


@asynccontextmanager
async def listening(url: str, count: int = 1) -> AsyncIterator[list[Ear]]:
    ears, loops = [Ear(url) for _ in range(count)], Loops()
    for number, ear in enumerate(ears):
        loops.start(f"ear {number}", ear.feed.run)
    try:
        await eventually(lambda: all(ear.feed.fresh for ear in ears))
        yield ears
    finally:
        await loops.close()


async def tell(database: Database, key: str, kind: str = "thing") -> None:
    async with database.transaction() as session:
        await announce(session, kind, key)


async def cut(database: Database, life: int) -> None:
    """End the connection that holds the lock of a life."""
    query = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
        " AND classid = :class AND objid = :life"
    )
    async with database.transaction() as session:
        await session.execute(query.bindparams(**{"class": int(locks.Lock.LIFE), "life": life}))


async def living(database: Database, life: int) -> bool:
    async with database.reading() as session:
        return await is_living(session, life)


async def test_a_change_reaches_every_worker_within_a_second(
    database: Database, endpoints: Endpoints
) -> None:
    async with listening(endpoints.database_url, 8) as ears:
        for _ in range(5):
            key, told_at = new_id(), time.monotonic()
            await tell(database, key)
            await eventually(lambda: all(key in ear.heard for ear in ears))  # noqa: B023
            assert max(ear.heard[key] for ear in ears) - told_at < 1 + SLACK_SECONDS


async def test_a_change_is_heard_when_it_commits_and_only_then(
    database: Database, endpoints: Endpoints
) -> None:
    async with listening(endpoints.database_url) as [ear]:
        key, undone = new_id(), new_id()
        with pytest.raises(RuntimeError, match="no"):
            await tell_and_fail(database, undone)
        async with database.transaction() as session:
            await announce(session, "thing", key)
            await asyncio.sleep(0.3)
            assert key not in ear.heard
        await eventually(lambda: key in ear.heard)
        assert undone not in ear.heard


async def tell_and_fail(database: Database, key: str) -> None:
    async with database.transaction() as session:
        await announce(session, "thing", key)
        raise RuntimeError("no")


async def test_a_key_may_hold_a_colon_and_another_kind_is_not_for_us(
    database: Database, endpoints: Endpoints
) -> None:
    async with listening(endpoints.database_url) as [ear]:
        key = f"a:b:{new_id()}"
        await tell(database, "elsewhere", kind="another")
        await tell(database, key)
        await eventually(lambda: key in ear.heard)
        assert "elsewhere" not in ear.heard


async def test_a_worker_that_was_cut_off_begins_a_new_life_and_forgets_its_rules(
    database: Database, endpoints: Endpoints
) -> None:
    async with listening(endpoints.database_url) as [ear]:
        first = ear.feed.life
        assert first is not None
        assert ear.resets == 1
        assert await living(database, first)
        await cut(database, first)
        await eventually(lambda: ear.feed.life not in (None, first))
        assert ear.resets == 2
        assert not await living(database, first)
        second = ear.feed.life
        assert second is not None
        assert second > first
        assert await living(database, second)
        key = new_id()
        await tell(database, key)
        await eventually(lambda: key in ear.heard)


async def test_a_life_ends_with_its_connection(database: Database, endpoints: Endpoints) -> None:
    async with listening(endpoints.database_url, 2) as [one, two]:
        lives = [one.feed.life, two.feed.life]
        assert None not in lives
        assert lives[0] != lives[1]
    for life in lives:
        assert life is not None

        async def ended(number: int = life) -> bool:
            return not await living(database, number)

        await eventually(ended, within_seconds=2)
    assert not await living(database, 2**31 - 1)


async def test_a_life_can_be_given_up(database: Database, endpoints: Endpoints) -> None:
    """A writer whose last append is undecided renews, so that others may settle it."""
    async with listening(endpoints.database_url) as [ear]:
        first = ear.feed.life
        assert first is not None
        ear.feed.renew()
        assert ear.feed.life is None
        await eventually(lambda: ear.feed.life is not None)
        assert ear.feed.life != first
        assert not await living(database, first)


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    ports = PortBook(tmp_path / "ports.json")
    server = Postgres(tmp_path, ports, usual_port=0, progress=lambda _line: None)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """Stop every process of the server where it stands, as a machine does that stops."""
    top = psutil.Process(server.status().pid)
    pids = [top.pid, *(child.pid for child in top.children(recursive=True))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


async def test_rules_are_stale_a_second_after_the_database_froze(own_postgres: Postgres) -> None:
    database = Database(own_postgres.url, pool_size=2)
    async with database.transaction() as session:
        await session.execute(text("CREATE SCHEMA kernel"))
        await session.execute(text("CREATE SEQUENCE kernel.life"))
    async with listening(own_postgres.url) as [ear]:
        with frozen(own_postgres):
            stale_after = await eventually(lambda: not ear.feed.fresh)
            assert stale_after < STALE_SECONDS + SLACK_SECONDS
            await asyncio.sleep(STALE_SECONDS)
            assert not ear.feed.fresh
        await eventually(lambda: ear.feed.fresh)
        key = new_id()
        await tell(database, key)
        await eventually(lambda: key in ear.heard)
    await database.close()


async def test_a_change_told_while_a_worker_was_deaf_is_made_up_for(
    database: Database, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was told between two lives is lost, so everything is forgotten when one begins."""
    async with listening(endpoints.database_url) as [ear]:
        monkeypatch.setattr(changes, "HEARTBEAT_SECONDS", 0.8)
        first = ear.feed.life
        assert first is not None
        await cut(database, first)
        await eventually(lambda: ear.feed.life is None)
        key = new_id()
        await tell(database, key)
        await eventually(lambda: ear.feed.fresh and ear.feed.life is not None)
        assert key not in ear.heard
        assert ear.resets == 2


async def test_a_pooler_that_swallows_notifications_leaves_no_rule_fresh(
    endpoints: Endpoints, caplog: pytest.LogCaptureFixture
) -> None:
    """LISTEN was lost behind a transaction pooler while `SELECT 1` kept old rules fresh (A16)."""
    async with swallowing_notifications(endpoints.database_url) as url:
        feed, loops = ChangeFeed(url, stale_seconds=0.2), Loops()
        loops.start("feed", feed.run)
        await eventually(lambda: "transaction pooler" in caplog.text)
        assert not feed.fresh
        assert feed.life is None
        await loops.close()


async def test_a_session_that_was_ended_is_begun_anew_before_its_connection_has_ended(
    database: Database, endpoints: Endpoints, caplog: pytest.LogCaptureFixture
) -> None:
    """Workers that had frozen woke to "cannot switch to state 12", an unexpected error."""
    async with ending_late(endpoints.database_url) as url, listening(url) as [ear]:
        first = ear.feed.life
        assert first is not None
        await cut(database, first)
        await eventually(lambda: ear.feed.life not in (None, first))
    told = [record for record in caplog.records if "change feed lost" in record.message]
    assert [record.levelname for record in told] == ["WARNING"]


async def test_a_frozen_worker_loses_its_life(
    database: Database, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that froze or vanished kept its life's lock for hours (B12)."""
    assert LEASE_SECONDS <= 10
    monkeypatch.setitem(changes.LEASE, "idle_session_timeout", "1s")
    monkeypatch.setattr(changes, "LEASE_SECONDS", 1)
    async with listening(endpoints.database_url) as [ear]:
        life = ear.feed.life
        assert life is not None
        monkeypatch.setattr(changes, "HEARTBEAT_SECONDS", 3600.0)

        async def ended() -> bool:
            return not await living(database, life)

        await eventually(ended, within_seconds=5)
        assert ear.feed.life is None
