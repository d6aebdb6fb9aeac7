"""Frontiers: how far the page from one place reached the first time, for every worker (P6).

Only places of several partitions need them: which partition has news first differs from one
reading to the next, and the order of a page must not.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from exchange.delivery.tables import Frontier
from kernel import batches, clock
from kernel.database import WriteSession

KEPT_DAYS = 7


async def settle(
    session: WriteSession,
    subscription_id: str,
    offsets: tuple[int, ...],
    ends: tuple[int, ...],
) -> tuple[int, ...]:
    """Return the bounds of the round from this place: those of whoever asked first."""
    position = msgspec.json.encode(offsets).decode()
    first = insert(Frontier).values(
        subscription_id=subscription_id,
        position=position,
        bounds=msgspec.json.encode(ends).decode(),
        created_at=clock.now(),
    )
    await session.execute(first.on_conflict_do_nothing())
    bounds = await session.exec(
        select(Frontier.bounds).where(
            Frontier.subscription_id == subscription_id, Frontier.position == position
        )
    )
    return msgspec.json.decode(bounds.one(), type=tuple[int, ...])


async def forget_old(session: WriteSession, now: datetime) -> int:
    """Forget rounds of cursors that nobody asks again; a repeat then begins a new round.

    At most a batch; returns how many.
    """
    before = now - timedelta(days=KEPT_DAYS)
    return await batches.delete_some(session, Frontier, col(Frontier.created_at) < before)
