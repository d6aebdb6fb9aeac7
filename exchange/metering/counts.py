"""Counts of publishes and reads: gathered in memory, flushed each second, sealed by the minute.

Beside each count stands the evidence for it (ADR 0013). A kill loses at most the last
`SHUYUAN_AUDIT_FLUSH_SECONDS` (1 s) of both (P8); the records and the facts of their batches are
in the log itself.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from auth.principal import Principal
from exchange.metering import count_store
from exchange.metering.evidence.trails import Delivered, PublishEvidence, ReadEvidence
from exchange.publishing.receipts import Position
from kernel import clock
from kernel.database import Database
from kernel.workdays import local_date

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Count:
    """Sums of one client and one resource or subscription within one minute."""

    department: str
    times: int = 0
    records: int = 0
    bytes_: int = 0

    def add(self, records: int, size_bytes: int) -> None:
        self.times += 1
        self.records += records
        self.bytes_ += size_bytes


Key = tuple[str, str, datetime]


@dataclass(slots=True)
class Gathered:
    publishes: dict[Key, Count] = field(default_factory=dict)
    reads: dict[Key, Count] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.publishes or self.reads)


class Counts:
    """One worker's counts; `used` tells the quota's count of a subscription's day.

    Counts leave with each flush and are added up by the database; evidence of a minute grows here
    until the minute is over, and each flush replaces what this worker told before.
    """

    def __init__(self, database: Database, flush_seconds: float) -> None:
        self._database = database
        self._flush_seconds = flush_seconds
        self._gathered = Gathered()
        self._minute = _minute(clock.now())
        self._used: dict[str, int] = {}
        self._published: dict[Key, PublishEvidence] = {}
        self._read: dict[Key, ReadEvidence] = {}
        self.worker = secrets.token_hex(6)
        self.on_flush: list[Callable[[Gathered], None]] = []

    def published(
        self,
        principal: Principal,
        resource_id: str,
        size_bytes: int,
        positions: Sequence[Position],
        digest: bytes,
    ) -> None:
        """Count one batch: the body's size and SHA-256, and where its records lie."""
        key = (resource_id, principal.id, self._minute)
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
        subscription_id = page.subscription_id
        key = (subscription_id, principal.id, self._minute)
        count = self._gathered.reads.get(key)
        if count is None:
            count = self._gathered.reads[key] = Count(principal.department)
        evidence = self._read.get(key)
        if evidence is None:
            evidence = self._read[key] = ReadEvidence(subscription_id)
        count.add(page.records, page.size_bytes)
        evidence.add(page)
        self._used[subscription_id] = self._used.get(subscription_id, 0) + page.records

    def used_today(self, subscription_id: str) -> int | None:
        """Return how many records left today as far as this worker knows, None at first."""
        return self._used.get(subscription_id)

    def learned(self, subscription_id: str, used: int) -> None:
        self._used[subscription_id] = used

    async def run(self) -> None:
        """Flush for ever; a database that is away is tried again, nothing is dropped."""
        try:
            while True:
                await asyncio.sleep(self._flush_seconds)
                await self.flush()
        finally:
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        gathered, self._gathered = self._gathered, Gathered()
        now = clock.now()
        if _minute(now) != self._minute:
            self._new_minute(now)
        if gathered:
            await self._store(gathered)
        self._forget()

    async def _store(self, gathered: Gathered) -> None:
        try:
            async with self._database.transaction() as session:
                publishes = self._rows(gathered.publishes, self._published)
                reads = self._rows(gathered.reads, self._read)
                await count_store.add(session, publishes, reads)
                day = local_date(self._minute)
                totals = await count_store.add_daily(session, day, _by_subscription(gathered))
        except (DBAPIError, OSError, TimeoutError) as error:
            log.warning("counts wait for the database: %s", error)
            _merge(gathered, self._gathered)
            return
        self._used.update(totals)
        for listener in self.on_flush:
            listener(gathered)

    def _rows(
        self,
        counts: Mapping[Key, Count],
        shown: Mapping[Key, PublishEvidence] | Mapping[Key, ReadEvidence],
    ) -> dict[Key, tuple[Count, dict[str, Any]]]:
        """Put what this worker can show beside each count."""
        return {key: (count, {self.worker: shown[key].told()}) for key, count in counts.items()}

    def _forget(self) -> None:
        """Drop the evidence of minutes that are over and stored."""
        waiting = self._gathered
        for evidence, counts in (
            (self._published, waiting.publishes),
            (self._read, waiting.reads),
        ):
            over = [key for key in evidence if key[2] != self._minute and key not in counts]
            for key in over:
                del evidence[key]

    def _new_minute(self, now: datetime) -> None:
        if local_date(now) != local_date(self._minute):
            self._used.clear()
        self._minute = _minute(now)


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _by_subscription(gathered: Gathered) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (subscription_id, _client, _at), count in gathered.reads.items():
        totals[subscription_id] = totals.get(subscription_id, 0) + count.records
    return totals


def _merge(older: Gathered, newer: Gathered) -> None:
    for mine, theirs in ((older.publishes, newer.publishes), (older.reads, newer.reads)):
        for key, count in mine.items():
            into = theirs.setdefault(key, Count(count.department))
            into.times += count.times
            into.records += count.records
            into.bytes_ += count.bytes_
