"""What `GET /v1/status` tells operators, asked of database and brokers, though no gateway runs."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from exchange import backlog
from exchange.backlog import Backlog
from exchange.log.access import Access
from exchange.log.census import Census, census
from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from kernel import clock, generation, presence
from kernel.database import Database, is_passing
from kernel.database_access import DatabaseAccess
from kernel.settings import Settings, of
from kernel.tables import ProcessRow

ASK_SECONDS = 5.0


@dataclass(frozen=True)
class Stored:
    """What the database knows; `at` is when it was asked."""

    at: datetime
    processes: Sequence[ProcessRow]
    waiting: Backlog
    generation: int


@dataclass(frozen=True)
class Overview:
    """Each half is None where nobody answered within ASK_SECONDS."""

    stored: Stored | None
    brokers: Census | None


def overview(environment: Mapping[str, str]) -> Overview:
    """Ask the servers that the platform was started with."""
    # What does not answer is said in a sentence; the log's lines would stand between them.
    logging.getLogger().addHandler(logging.NullHandler())
    return asyncio.run(_overview(of(environment)))


async def _overview(settings: Settings) -> Overview:
    return Overview(*await asyncio.gather(_stored(settings), _brokers(settings)))


async def _stored(settings: Settings) -> Stored | None:
    database = Database(DatabaseAccess.of(settings), pool_size=1)
    try:
        async with asyncio.timeout(ASK_SECONDS), database.reading() as session:
            now = clock.now()
            rows = await presence.seen(session)
            waiting = await backlog.look(session, now)
            return Stored(now, rows, waiting, (await generation.current(session)).number)
    except Exception as error:
        if not is_passing(error) and not isinstance(error, TimeoutError):
            raise
        return None
    finally:
        await database.close()


async def _brokers(settings: Settings) -> Census | None:
    connection = Connection(Access.of(settings), "status")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await census(connection)
    except (BrokerUnavailable, TimeoutError):
        return None
    finally:
        await connection.close()
