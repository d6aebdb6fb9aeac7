"""What a process that publishes holds open: a gateway worker for its life, a job for its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

from exchange.log.access import Access
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import READ_TIMEOUT_MS, Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.reader import Reader
from exchange.log.writer import Writers
from exchange.metering.counts import Counts
from exchange.publishing.lanes import Lanes
from exchange.publishing.ledger import Ledger
from exchange.publishing.publish import Publisher
from exchange.publishing.quarantine import Limits, Quarantine
from exchange.publishing.recovery import Recovery
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.database_access import DatabaseAccess
from kernel.generation import Generations
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tasks import Loops
from kernel.turns import FairScheduler

LIFE_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
CACHE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Publishing:
    """A publisher and its parts."""

    publisher: Publisher
    lanes: Lanes
    ledger: Ledger
    quarantine: Quarantine
    generations: Generations
    connections: tuple[Connection, ...]

    @classmethod
    def open(
        cls,
        settings: Settings,
        database: Database,
        box: Secretbox,
        changes: ChangeFeed,
        reader: Reader,
        counts: Counts,
    ) -> Self:
        """Wire the parts together; connections open when they are first needed.

        Requests on one connection are answered in order: each kind of traffic has its own.
        """
        brokers = Access.of(settings)
        small, large, deciding = (
            Connection(brokers, purpose) for purpose in ("write", "write-large", "decide")
        )
        generations = Generations(database, changes)
        lanes = Lanes(brokers, small, large, changes)
        recovery = Recovery(database, reader, generations)
        ledger = Ledger(database, reader, Writers(deciding), lanes.give_up, recovery)
        limits = Limits(settings.quarantine_entries, settings.quarantine_bytes)
        quarantine = Quarantine(database, box, limits, reader.turns)
        publisher = Publisher(database, lanes, ledger, quarantine, counts, reader.turns)
        connections = (small, large, deciding)
        return cls(publisher, lanes, ledger, quarantine, generations, connections)

    @property
    def deciding(self) -> Connection:
        return self.connections[-1]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a job publishes with, and reads what became of it."""

    publisher: Publisher
    quarantine: Quarantine
    reader: Reader
    turns: FairScheduler


@asynccontextmanager
async def bench(settings: Settings, database: Database, box: Secretbox) -> AsyncIterator[Bench]:
    """Open what a job publishes with, under a life of its own; raises Unavailable."""
    changes = ChangeFeed(DatabaseAccess.of(settings), stale_seconds=settings.rules_stale_seconds)
    reading = Connection(Access.of(settings), "read", request_timeout_ms=READ_TIMEOUT_MS)
    turns = FairScheduler()
    reader = Reader(reading, ChunkCache(CACHE_BYTES), turns)
    counts = Counts(database, settings.audit_flush_seconds)
    parts = Publishing.open(settings, database, box, changes, reader, counts)
    loops = Loops()
    loops.start("changes", changes.run)
    loops.start("counts", counts.run)
    try:
        await _alive(changes)
        yield Bench(parts.publisher, parts.quarantine, reader, turns)
    finally:
        await parts.ledger.close()
        await parts.lanes.close()
        await loops.close()
        for connection in (*parts.connections, reading):
            await connection.close()


async def _alive(changes: ChangeFeed) -> None:
    deadline = clock.monotonic() + LIFE_SECONDS
    while changes.life is None:
        if clock.monotonic() > deadline:
            raise BrokerUnavailable
        await asyncio.sleep(LOOK_SECONDS)
