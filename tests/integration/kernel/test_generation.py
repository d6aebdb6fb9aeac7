"""A restored database is told from the one it was: its generation is higher, and all know it."""

from datetime import UTC, datetime

from sqlalchemy import text

from deploy.local.stack import Endpoints
from kernel import generation
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.generation import Generations
from kernel.tasks import Loops
from tests.support.databases import own_database
from tests.support.eventually import eventually

BACKUP = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)


async def test_every_worker_hears_of_a_raised_generation(endpoints: Endpoints) -> None:
    async with own_database(endpoints.database_url, 3) as database:
        feed, loops = ChangeFeed(database.url, stale_seconds=5), Loops()
        generations = Generations(database, feed)
        raised: list[bool] = []
        generations.on_raise(lambda: raised.append(True))
        loops.start("feed", feed.run)
        try:
            await eventually(lambda: feed.fresh and feed.life is not None)
            first = await generations.get()
            assert (first.number, first.restored_to) == (generation.FIRST, None)
            assert generations.known() == first
            raised.clear()
            declared = await _raised(database, BACKUP)
            assert declared.restored_to == BACKUP
            await eventually(lambda: bool(raised))
            assert await generations.get() == declared
        finally:
            await loops.close()


async def test_two_restores_of_one_backup_are_two_generations(endpoints: Endpoints) -> None:
    """Both count on from the backup's number: by adding one they would be the same."""
    async with own_database(endpoints.database_url, 2) as database:
        first = await _raised(database, BACKUP)
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM kernel.generation WHERE number > 1"))
            await session.execute(text("SELECT pg_sleep(1)"))
        second = await _raised(database, BACKUP)
        assert second.number > first.number > generation.FIRST


async def test_worker_lives_of_the_lost_time_are_not_used_again(endpoints: Endpoints) -> None:
    """Two writers of one life number would share a transactional id: one fences the other."""
    async with own_database(endpoints.database_url, 2) as database:
        before = await _next_life(database)
        await _raised(database, None)
        assert await _next_life(database) > before + generation.LIVES_SKIPPED


async def test_without_a_moment_the_restored_state_is_as_old_as_its_last_event(
    endpoints: Endpoints,
) -> None:
    async with own_database(endpoints.database_url, 2) as database:
        declared = await _raised(database, None)
        assert declared.restored_to is not None
        assert declared.restored_to <= declared.declared_at


async def _raised(database: Database, moment: datetime | None) -> generation.Generation:
    async with database.transaction() as session:
        return await generation.raise_generation(session, "a drill", restored_to=moment)


async def _next_life(database: Database) -> int:
    async with database.transaction() as session:
        return int((await session.execute(text("SELECT nextval('kernel.life')"))).scalar_one())
