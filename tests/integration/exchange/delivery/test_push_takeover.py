"""A worker is killed while it pushes: another goes on, in order, and nothing is left out (P4)."""

import os
import signal
from pathlib import Path

from sqlalchemy import text

from exchange.delivery.push.pushers import ROUND_SECONDS
from exchange.delivery.push.store import LEASE_SECONDS
from kernel.database import Database
from tests.integration.exchange.delivery.test_push import keys, rows
from tests.support import processes
from tests.support.eventually import eventually
from tests.support.receiving import allow_loopback, receiving, set_endpoint
from tests.support.world import Sharing, World

HOLDER = text("SELECT holder FROM exchange.push_endpoint WHERE id = :id")
HOLDERS = text("SELECT DISTINCT holder FROM exchange.push_endpoint WHERE holder IS NOT NULL")
LET_GO = text("UPDATE exchange.push_endpoint SET holder = NULL, leased_until = NULL WHERE id = :id")
COUNT = 60


async def test_a_killed_pusher_is_taken_over_within_three_seconds_in_order(
    world: World, database: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    """The lease of the dead ends, and the next round of another worker takes what nobody holds."""
    assert LEASE_SECONDS + ROUND_SECONDS < 3
    async with receiving() as receiver:
        sharing = await world.sharing(mode="push")
        await allow_loopback(world, sharing.consumer)
        await set_endpoint(sharing, receiver, max_records=4)
        others = await _holders(database, sharing)
        with processes.worker(settings, tmp_path / "worker.log") as doomed:
            await eventually(lambda: _is_held_by_another(database, sharing, others))
            receiver.held.clear()
            await sharing.publisher.publish(sharing.resource, rows(0, COUNT))
            # A batch has left and is not answered: nobody knows whether it arrived.
            await eventually(lambda: bool(receiver.waiting))
            os.kill(doomed.process.pid, signal.SIGKILL)
            receiver.held.set()
            await sharing.publisher.publish(sharing.resource, rows(COUNT, 2 * COUNT))
            await eventually(lambda: len(receiver.records) == 2 * COUNT)
        assert keys(receiver) == [f"k{n:05}" for n in range(2 * COUNT)]
        assert await _holders(database, sharing) <= others
        # What was sent twice came under one id, by which the receiver knew it.
        ids = [each for each, _body in receiver.messages]
        assert len(set(ids)) == 2 * COUNT / 4


async def _holders(database: Database, sharing: Sharing) -> set[str]:
    """Return who held the endpoint before another worker was there."""
    found: set[str] = set()

    async def is_held() -> bool:
        async with database.reading() as session:
            row = await session.execute(HOLDER.bindparams(id=sharing.subscription))
            found.update(each for each in row.scalars() if each)
        return bool(found)

    await eventually(is_held)
    return found


async def _is_held_by_another(database: Database, sharing: Sharing, others: set[str]) -> bool:
    """Let go of the endpoint until the new worker is the first to take it."""
    async with database.transaction() as session:
        row = await session.execute(HOLDER.bindparams(id=sharing.subscription))
        holder = row.scalar_one()
        if holder in others:
            await session.execute(LET_GO.bindparams(id=sharing.subscription))
    return holder is not None and holder not in others
