"""What processes counted, minute by minute: a small history for whoever operates the platform.

One process of each place (a gateway with its workers, a worker) writes down once a minute what all
of them have counted since they began. Counters are kept as they stand, so that any two minutes tell
what happened between them; a week is kept. Who keeps Prometheus has more, for longer.
"""

import asyncio
import logging
import platform
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kernel import clock
from kernel.database import AWAY, Database, ReadSession

log = logging.getLogger(__name__)

MINUTE: Final = 60
KEPT: Final = timedelta(days=7)
TOKEN_BYTES: Final = 8

_WRITE = text("""
    WITH forgotten AS (
        DELETE FROM kernel.history WHERE at < :oldest
    )
    INSERT INTO kernel.history (place, at, kind, told)
    VALUES (:place, :at, :kind, CAST(:told AS jsonb))
    ON CONFLICT (place, at) DO NOTHING
""")
_READ = text("""
    SELECT place, at, kind, told FROM kernel.history
    WHERE at >= :since AND at <= :until AND extract(epoch FROM at)::bigint % :step = 0
    ORDER BY at, place
""")


@dataclass(frozen=True, slots=True)
class Moment:
    """What one place had told by then; `kind` is that of its processes."""

    place: str
    at: datetime
    kind: str
    told: Mapping[str, Any]


class History:
    """The writing of one process; `about` returns what its place tells, in JSON.

    Processes that share `folder`, the one of their metrics, are one place.
    """

    def __init__(
        self,
        database: Database,
        kind: str,
        folder: object,
        about: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._database = database
        self._about = about
        own = folder or secrets.token_hex(TOKEN_BYTES)
        self._place = {"kind": kind, "place": f"{platform.node()}:{own}"}

    async def run(self) -> None:
        """Write every full minute; one in which the database is away is missing."""
        while True:
            await asyncio.sleep(MINUTE - clock.now().timestamp() % MINUTE)
            try:
                await self.write(minute(clock.now()))
            except (SQLAlchemyError, *AWAY) as e:
                log.debug("a minute is missing in the history: %r", e)

    async def write(self, at: datetime) -> None:
        # Adding up many workers takes a while, which a thread has.
        told = orjson.dumps(dict(await asyncio.to_thread(self._about))).decode()
        async with self._database.single() as connection:
            await connection.execute(
                _WRITE.bindparams(at=at, oldest=at - KEPT, told=told, **self._place)
            )


def minute(now: datetime) -> datetime:
    """Return the full minute in which a moment lies; pure."""
    return datetime.fromtimestamp(now.timestamp() // MINUTE * MINUTE, UTC)


async def moments(
    session: ReadSession, now: datetime, *, length: timedelta, step: timedelta
) -> Sequence[Moment]:
    """Return what every place told at full steps (whole minutes) of the time before now."""
    bounds = {
        "since": now - length - step,
        "until": now,
        "step": int(step.total_seconds()),
    }
    rows = await session.execute(_READ, bounds)
    return [Moment(*row) for row in rows]
