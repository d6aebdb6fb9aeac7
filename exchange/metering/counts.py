"""Counts of publishes and reads: gathered in memory, flushed each second, sealed by the minute.

Beside each count stands the evidence for it (ADR 0013). A kill loses at most the last
`SHUYUAN_AUDIT_FLUSH_SECONDS` (1 s) of both (P8); the records and the facts of their batches are
in the log itself.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from exchange.log.accepted import Accepted
from exchange.metering import count_store
from exchange.metering.count_store import DayOf
from exchange.metering.evidence.trails import Delivered, PublishEvidence, ReadEvidence
from kernel import clock
from kernel.database import Database, is_passing
from kernel.workdays import local_date

log = logging.getLogger(__name__)

MINUTE_SECONDS = 60
# Receipts that wait for the database to be listed; those beyond are read by their ids alone.
ISSUED_MAX = 50_000


@dataclass(slots=True)
class Count:
    """Sums of one client and one resource or subscription within one minute."""

    department: str
    times: int = 0
    records: int = 0
    bytes_: int = 0
    # Of `times`, those with records.
    carried: int = 0
    # Records that no reservation has added to the day's use.
    unreserved: int = 0

    def add(self, records: int, size_bytes: int) -> None:
        self.times += 1
        self.carried += records > 0
        self.records += records
        self.bytes_ += size_bytes


# What workers are told when somebody asks what was handed on.
ASKED: Final = "counts"

Key = tuple[str, str, datetime]
Issued = tuple[str, Principal, float, bytes, Accepted]
"""A receipt: resource, publisher, seconds since 1970, digest of the body, what the log took."""


@dataclass(slots=True)
class Gathered:
    publishes: dict[Key, Count] = field(default_factory=dict)
    reads: dict[Key, Count] = field(default_factory=dict)
    issued: list[Issued] = field(default_factory=list)
    unlisted: int = 0

    def __bool__(self) -> bool:
        return bool(self.publishes or self.reads)


@dataclass(frozen=True, slots=True)
class Flush:
    """Counts that are stored together, once, however often it is tried."""

    number: int
    gathered: Gathered


class Counts:
    """One worker's counts, each in the minute in which it was made.

    Counts leave with each flush and are added up by the database; evidence of a minute grows here
    until the minute is over, and each flush replaces what this worker told before. A flush whose
    outcome is unknown is tried again under its number until it is stored.
    """

    def __init__(
        self,
        database: Database,
        flush_seconds: float,
        life: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._database = database
        self._flush_seconds = flush_seconds
        self._life = life
        self._noted_life: int | None = None
        self._hurried = asyncio.Event()
        self._gathered = Gathered()
        self._flush: Flush | None = None
        self._number = 0
        self._minute = _minute(clock.now())
        self._minute_begins = self._minute.timestamp()
        self._published: dict[Key, PublishEvidence] = {}
        self._read: dict[Key, ReadEvidence] = {}
        self.worker = secrets.token_hex(6)
        self.on_flush: list[Callable[[Gathered], None]] = []

    def published(
        self,
        principal: Principal,
        resource_id: str,
        size_bytes: int,
        accepted: Accepted,
        digest: bytes,
    ) -> None:
        """Count one batch: the body's size and SHA-256, and where its records lie."""
        positions = accepted.positions
        issued = self._gathered.issued
        if len(issued) < ISSUED_MAX:
            issued.append((resource_id, principal, clock.epoch(), digest, accepted))
        else:
            self._gathered.unlisted += 1
        key = (resource_id, principal.id, self._this_minute())
        count = self._gathered.publishes.get(key)
        if count is None:
            count = self._gathered.publishes[key] = Count(principal.department)
        evidence = self._published.get(key)
        if evidence is None:
            evidence = self._published[key] = PublishEvidence()
        records = sum([each.last_offset - each.first_offset + 1 for each in positions])
        count.add(records, size_bytes)
        evidence.add(positions, digest)

    def read(self, principal: Principal, page: Delivered) -> None:
        """Count one page that leaves."""
        subscription_id = page.subscription_id
        key = (subscription_id, principal.id, self._this_minute())
        count = self._gathered.reads.get(key)
        if count is None:
            count = self._gathered.reads[key] = Count(principal.department)
        evidence = self._read.get(key)
        if evidence is None:
            evidence = self._read[key] = ReadEvidence(subscription_id)
        count.add(page.records, page.size_bytes)
        if not page.reserved:
            count.unreserved += page.records
        evidence.add(page)

    def _this_minute(self) -> datetime:
        if not 0 <= clock.epoch() - self._minute_begins < MINUTE_SECONDS:
            self._minute = _minute(clock.now())
            self._minute_begins = self._minute.timestamp()
        return self._minute

    def hurry(self, _key: str = "") -> None:
        """Flush now: somebody asks what was handed on."""
        self._hurried.set()

    async def run(self) -> None:
        """Flush for ever; a database that is away is tried again, nothing is dropped."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._flush_seconds):
                        await self._hurried.wait()
                self._hurried.clear()
                await self.flush()
        finally:
            # What a flush that was cut off has left behind, too.
            await asyncio.shield(self._end())

    async def _end(self) -> None:
        await self.flush()
        if self._flush is None and not self._gathered:
            await self._note_life(ended=True)

    async def flush(self) -> None:
        """Store what an earlier flush could not store, then what was counted since."""
        repeated = self._flush is not None
        if await self._store_next() and repeated:
            await self._store_next()
        self._forget()

    async def _store_next(self) -> bool:
        """Store one flush; whether it is stored."""
        if self._flush is None and self._gathered:
            self._number += 1
            self._flush = Flush(self._number, self._gathered)
            self._gathered = Gathered()
        if self._flush is not None:
            if not await self._store(self._flush):
                return False
            stored, self._flush = self._flush, None
            if stored.gathered.unlisted:
                log.warning("%d receipts are not listed", stored.gathered.unlisted)
            for listener in self.on_flush:
                listener(stored.gathered)
        elif self._number and self._life() != self._noted_life:
            await self._note_life(ended=False)
        return True

    async def _note_life(self, *, ended: bool) -> None:
        """Say under which life this worker counts, or that it counts no more."""
        life = self._life()
        try:
            async with self._database.transaction() as session:
                await count_store.note_life(session, self.worker, life, ended=ended)
        except Exception as error:
            if not is_passing(error):
                raise
            return
        self._noted_life = life

    async def _store(self, flush: Flush) -> bool:
        gathered = flush.gathered
        try:
            async with self._database.transaction() as session:
                now, life = clock.now(), self._life()
                if await count_store.begin_flush(session, self.worker, flush.number, now, life):
                    publishes = self._rows(gathered.publishes, self._published)
                    reads = self._rows(gathered.reads, self._read)
                    await count_store.add(session, publishes, reads)
                    await count_store.add_daily(session, _by_day(gathered))
                    await count_store.add_issued(session, gathered.issued)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("counts wait for the database: %r", error)
            return False
        self._noted_life = life
        return True

    def _rows(
        self,
        counts: Mapping[Key, Count],
        evidence: Mapping[Key, PublishEvidence] | Mapping[Key, ReadEvidence],
    ) -> dict[Key, tuple[Count, dict[str, Any]]]:
        """Put what this worker can show beside each count."""
        return {key: (count, {self.worker: evidence[key].told()}) for key, count in counts.items()}

    def _forget(self) -> None:
        """Drop the evidence of minutes that are over and stored."""
        minute = self._this_minute()
        waiting = [self._gathered] + ([self._flush.gathered] if self._flush else [])
        publishes = set().union(*(each.publishes for each in waiting))
        reads = set().union(*(each.reads for each in waiting))
        for evidence, counts in ((self._published, publishes), (self._read, reads)):
            over = [key for key in evidence if key[2] != minute and key not in counts]
            for key in over:
                del evidence[key]


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _by_day(gathered: Gathered) -> dict[DayOf, int]:
    """Return what left without a reservation, by the day of its minute."""
    days: dict[DayOf, int] = {}
    for (subscription_id, _client, at), count in gathered.reads.items():
        if count.unreserved:
            of = DayOf(subscription_id, local_date(at))
            days[of] = days.get(of, 0) + count.unreserved
    return days
