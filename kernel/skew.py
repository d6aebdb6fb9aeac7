"""How far this machine's clock is from the database's: terms of law and of tokens are read off it.

Nodes are compared with the one clock that all of them share. A node that is off is named; one that
is far off is not ready, and does no work that ends things by their time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kernel import clock
from kernel.database import AWAY, Database
from kernel.errors import Unavailable

log = logging.getLogger(__name__)

WARNING_SECONDS = 1.0
MAX_SECONDS = 10.0
LOOK_SECONDS = 10.0
ASK_SECONDS = 5.0
SECONDS_SHOWN = 1
NOW = text("SELECT clock_timestamp()")

Ask = Callable[[], Awaitable[datetime]]


async def measured(ask: Ask) -> float:
    """Return by how many seconds at least our clock is ahead of the one that `ask` reads.

    Somewhere on the way the other clock was read: only what the way cannot explain counts.
    """
    asked_at, begun = clock.now(), clock.monotonic()
    other = await ask()
    half = (clock.monotonic() - begun) / 2
    ahead = (asked_at - other).total_seconds() + half
    return max(0.0, ahead - half) if ahead > 0 else min(0.0, ahead + half)


class Skew:
    """Measures again and again; `ahead` is None until the database has answered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ahead: float | None = None
        self.told = ""

    async def run(self) -> None:
        """Measure for ever; a clock that begins to be off is logged."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Measure once; while the database is away the last measurement counts."""
        try:
            self.ahead = await measured(self._ask)
        except (SQLAlchemyError, *AWAY):
            return
        before, self.told = self.told, self._finding()
        if self.told and not before:
            log.warning("%s", self.told)

    @property
    def far(self) -> bool:
        """Whether the clock is so far off that nothing may end by it."""
        return abs(self.ahead or 0.0) > MAX_SECONDS

    def require(self) -> None:
        """Raise Unavailable while the clock is far off."""
        if self.far:
            raise Unavailable(f"本机时钟不准：{self.told}", self.told)

    async def _ask(self) -> datetime:
        async with asyncio.timeout(ASK_SECONDS), self._database.single() as connection:
            database_time: datetime = (await connection.execute(NOW)).scalar_one()
            return database_time

    def _finding(self) -> str:
        return finding(self.ahead) if abs(self.ahead or 0.0) > WARNING_SECONDS else ""


def finding(ahead: float | None) -> str:
    """Say for operators how far the clock is off."""
    return (
        f"the clock of this machine is {ahead or 0.0:+.{SECONDS_SHOWN}f} s from PostgreSQL's: set"
        " both by the same time server (NTP)"
    )
