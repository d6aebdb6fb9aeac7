"""The generation of the platform's data: raised whenever a restored database is declared (P12).

After a restore the log and what callers hold know of things that the database has forgotten.
Whoever keeps such knowledge (cursors, event ids, the ledger of keyed publishes) compares its
generation with the one in force.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, func, select

from kernel import clock
from kernel.cache import RuleCache
from kernel.changes import ChangeFeed, announce
from kernel.database import Database, ReadSession, WriteSession
from kernel.tables import AuditRow, GenerationRow

KIND = "generation"
FIRST = 1
LIVES_SKIPPED = 1_000_000
"""More worker lives than can have begun between a backup and its restore."""


@dataclass(frozen=True, slots=True)
class Generation:
    """`restored_to` is the moment whose state the database was restored to, None at first."""

    number: int
    restored_to: datetime | None
    declared_at: datetime


async def current(session: ReadSession) -> Generation:
    """Return the generation in force."""
    latest = select(GenerationRow).order_by(col(GenerationRow.number).desc()).limit(1)
    row = (await session.exec(latest)).one()
    return Generation(row.number, row.restored_to, row.declared_at)


async def raise_generation(
    session: WriteSession, reason: str, *, restored_to: datetime | None = None
) -> Generation:
    """Declare that the database was restored, and tell every worker at commit.

    Without `restored_to` it is the moment of the last audit event: an earlier moment only makes
    later searches longer. Numbers follow the clock, so that two restores of one backup differ.
    Numbers of worker lives are skipped: those of the lost time may have written to the log.
    """
    await session.execute(text("LOCK TABLE kernel.generation IN EXCLUSIVE MODE"))
    before, now = await current(session), clock.now()
    row = GenerationRow(
        number=max(before.number + 1, int(now.timestamp())),
        restored_to=restored_to or await _last_event(session) or before.declared_at,
        declared_at=now,
        reason=reason,
    )
    session.add(row)
    skip = text("SELECT setval('kernel.life', nextval('kernel.life') + :lives)")
    await session.execute(skip.bindparams(lives=LIVES_SKIPPED))
    await announce(session, KIND, str(row.number))
    return Generation(row.number, row.restored_to, row.declared_at)


async def _last_event(session: ReadSession) -> datetime | None:
    return (await session.exec(select(func.max(col(AuditRow.at))))).one()


class Generations:
    """One worker's knowledge of the generation in force; dropped when another is announced."""

    def __init__(self, database: Database, changes: ChangeFeed) -> None:
        self._database = database
        self._cache: RuleCache[Generation] = RuleCache(self._load, size=1)
        changes.on(KIND, lambda _number: self._forget())
        changes.on_reset(self._forget)
        self._listeners: list[Callable[[], None]] = []

    def on_raise(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the generation may have been raised."""
        self._listeners.append(listener)

    def known(self) -> Generation | None:
        """Return the generation if it is at hand; costs one look-up."""
        return self._cache.known(KIND)

    async def get(self) -> Generation:
        """Return the generation in force; raises the errors of the database."""
        return await self._cache.get(KIND)

    def _forget(self) -> None:
        self._cache.clear()
        for listener in self._listeners:
            listener()

    async def _load(self, _key: str) -> Generation:
        async with self._database.reading() as session:
            return await current(session)
