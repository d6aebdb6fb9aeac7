"""Numbers what the outbox tells, in the order of commits, for the departments it concerns.

Numbers are given out under a lock that is held until the commit: whoever has read one has been
shown every lower one. Whatever the relay removes was numbered before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from auth import directory
from exchange.feed import store
from exchange.feed.readers import readers_of
from exchange.feed.tables import FeedEvent
from kernel import generation, locks
from kernel.changes import announce_all
from kernel.database import WriteSession
from kernel.locks import Lock

AT_ONCE: Final = 200
FORGOTTEN_AT_ONCE: Final = 2_000
# What workers are told of: the departments that have something new to read.
KIND: Final = "feed"


async def gather(session: WriteSession, _now: datetime) -> int:
    """Number what waits, AT_ONCE at most; safe from several workers at once."""
    return await _gather(session, None)


async def gather_these(session: WriteSession, outbox_ids: Sequence[int]) -> None:
    """Number these messages, if nobody has yet: they are about to be removed."""
    await _gather(session, outbox_ids)


async def _gather(session: WriteSession, outbox_ids: Sequence[int] | None) -> int:
    await locks.hold(session, Lock.FEED)
    current = await generation.current(session)
    most = AT_ONCE if outbox_ids is None else len(outbox_ids)
    events = await store.gather(session, current.number, outbox_ids, most)
    if events:
        await _tell(session, events)
    return len(events)


async def _tell(session: WriteSession, events: Sequence[FeedEvent]) -> None:
    authorities = await directory.authorities(session)
    readers = [
        (event, reader) for event in events for reader in readers_of(event.payload, authorities)
    ]
    await store.add_readers(session, readers)
    await announce_all(session, KIND, sorted({reader.department for _event, reader in readers}))


async def forget_old(session: WriteSession, now: datetime, *, days: int) -> int:
    """Delete events past their term, at most a batch; return how many."""
    return await store.forget(session, now - timedelta(days=days), FORGOTTEN_AT_ONCE)
