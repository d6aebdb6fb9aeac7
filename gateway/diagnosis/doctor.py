"""Looks at the whole platform from one gateway worker: within a time, and once for all who ask."""

import asyncio
import logging
import platform
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.diagnosis.findings import Area, Finding, Verdict, worst_first
from kernel import clock, findings
from kernel.database import AWAY, Database
from kernel.recent import Recent

log = logging.getLogger(__name__)

# What has not answered by then is a finding itself.
LOOK_SECONDS: Final = 6.0
REMEMBER_SECONDS: Final = 2.0
FRESH: Final = timedelta(seconds=10)
# Findings of the platform as a whole; those of needs are of the node that looked.
OF_ALL: Final = frozenset({Area.CLOCK, Area.PROCESSES, Area.WORK})


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at a moment, the worst first; `node` is where it was looked from."""

    at: datetime
    node: str
    seconds: float
    findings: Sequence[Finding]

    def count(self, verdict: Verdict) -> int:
        return sum(each.verdict is verdict for each in self.findings)


Ask = Callable[[], Awaitable[Sequence[Finding]]]


class Doctor:
    """One worker's: who comes while it looks, or soon after, is told the same."""

    def __init__(self) -> None:
        self._recent = Recent[Look](FRESH)
        # For while the database is away, which knows it for all.
        self._since: dict[str, datetime] = {}

    async def look(self, ask: Ask, database: Database) -> Look:
        """Return findings of at most FRESH ago, within about LOOK_SECONDS."""
        return await self._recent.get("", clock.now(), lambda: self._look(ask, database))

    async def _look(self, ask: Ask, database: Database) -> Look:
        now, begun = clock.now(), clock.monotonic()
        found = await ask()
        since = await self._remembered(database, found, now)
        dated = [_dated(each, since) for each in found]
        seconds = round(clock.monotonic() - begun, 1)
        return Look(now, platform.node(), seconds, worst_first(dated))

    async def _remembered(
        self, database: Database, found: Sequence[Finding], now: datetime
    ) -> Mapping[str, datetime]:
        wrong = [each for each in found if each.verdict is not Verdict.GOOD]
        known = {each.key: self._since.get(each.key, now) for each in wrong}
        try:
            async with asyncio.timeout(REMEMBER_SECONDS):
                kept = await _kept(database, wrong, now)
        except (SQLAlchemyError, *AWAY) as error:
            log.debug("since when, only this worker knows: %r", error)
            kept = {}
        for key, since in kept.items():
            known[key] = min(since, known.get(key, since))
        self._since = known
        return known


async def _kept(
    database: Database, wrong: Sequence[Finding], now: datetime
) -> Mapping[str, datetime]:
    ours = _keys(each for each in wrong if each.area not in OF_ALL)
    alls = _keys(each for each in wrong if each.area in OF_ALL)
    async with database.transaction() as session:
        here = await findings.remember(session, platform.node(), ours, now)
        return {**here, **await findings.remember(session, "", alls, now)}


def _keys(found: Iterable[Finding]) -> Collection[str]:
    return {each.key for each in found}


def _dated(found: Finding, since: Mapping[str, datetime]) -> Finding:
    if found.since is not None or found.verdict is Verdict.GOOD:
        return found
    return replace(found, since=since.get(found.key))
