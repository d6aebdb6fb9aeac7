"""Marks a fix for those who received the disputed value (P13)."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from exchange.corrections import granted_terms
from exchange.corrections.granted_terms import GrantedTerms
from exchange.corrections.key_search import KeySearch, SearchTooLongError, SoughtKey
from exchange.corrections.receiving import (
    Disputed,
    Sighting,
    affected,
    last_received,
    values,
)
from exchange.corrections.states import Defect
from exchange.corrections.tables import Correction
from exchange.log.errors import PositionExpiredError
from exchange.log.topics import topic_of
from exchange.metering.counts import ASKED
from exchange.metering.evidence import store as evidence
from exchange.metering.evidence.delivered import Handed, Under
from kernel import clock
from kernel.changes import announce
from kernel.database import Database
from kernel.secretbox import Secretbox, mac

# What the search for the disputed value may take within a request.
AT_ONCE_SECONDS: Final = 5.0
SLACK: Final = timedelta(seconds=1)
# From the question to what workers had not flushed yet, usually.
TELLING_SECONDS: Final = 0.4


def under(row: Correction) -> Under:
    """Return under which terms the disputed record was seen by who disputes it."""
    return Under(
        row.subscription_id, row.revision_disputed, row.version_disputed, row.partition or 0
    )


class Marking:
    """Finds out for whom a fix is marked, for the gateway and for the worker."""

    def __init__(self, database: Database, search: KeySearch, box: Secretbox) -> None:
        self._database = database
        self._search = search
        self.box = box

    def digest(self, value: bytes) -> str:
        """Return what stands for a value in the database."""
        return mac(self.box.derive(granted_terms.DIGESTS), value).hex()

    async def ask_workers(self) -> None:
        """Have every worker flush what it has handed on; return when it usually has."""
        async with self._database.transaction() as session:
            await announce(session, ASKED, "flush")
        await asyncio.sleep(TELLING_SECONDS)

    async def affected(
        self, row: Correction, *, seconds: float | None = None, unknown_only: bool = False
    ) -> frozenset[str] | None:
        """Return the subscriptions that received the value before the fix; None if it takes longer.

        With `unknown_only` those that may have received it from a worker that was killed.
        """
        sightings = await self._sightings(row, seconds)
        if sightings is None:
            return None
        partition = row.fix_partition or 0
        async with self._database.reading() as session:
            places = [each.offset for each in sightings]
            handed = await evidence.covering(session, row.resource_id, partition, places)
            seen = await evidence.last_seen(session, row.resource_id)
            own = await evidence.of_subscription(session, row.subscription_id)
            ids = {each.under.subscription_id for each in handed} | {row.subscription_id}
            ids |= {each.subscription_id for each in seen}
            terms = await granted_terms.load(session, self.box, row.resource_id, ids)
        disputed = self._disputed(row, sightings, own, terms)
        if disputed is None:
            return frozenset()
        unknown = await self.bounded(
            topic_of(row.resource_id), partition, terms.lost(seen, partition)
        )
        known = unknown if unknown_only else [*handed, *unknown]
        return affected(sightings, known, terms.of, disputed, self.digest)

    def _disputed(
        self,
        row: Correction,
        sightings: Sequence[Sighting],
        own: Sequence[Handed],
        granted: GrantedTerms,
    ) -> Disputed | None:
        """Return the disputed values, None where nothing was received."""
        terms, items = granted.of(under(row)), [each["item"] for each in row.items]
        if row.digests:
            return Disputed(terms, row.digests, whole=not items)
        if row.problem == Defect.MISSING:
            return None
        # Whether it was received took too long to find out when the correction was raised.
        received = last_received(sightings, own, granted.of)
        if received is None:
            return None
        return Disputed(terms, values(terms, received, items, self.digest), whole=not items)

    async def _sightings(self, row: Correction, seconds: float | None) -> list[Sighting] | None:
        """Return the records of the key before the fix, the disputed one also when it is gone."""
        topic, partition = topic_of(row.resource_id), row.fix_partition or 0
        until = None if seconds is None else clock.monotonic() + seconds
        async with self._database.reading() as session:
            granted = await granted_terms.load(
                session, self.box, row.resource_id, [row.subscription_id]
            )
        sought = SoughtKey(row.key, granted.of(under(row)), row.record_key)
        end = row.fix_place or 0
        while True:
            first, _end = await self._search.bounds(topic, partition)
            try:
                records = await self._search.within(topic, partition, sought, first, end, until)
            except SearchTooLongError:
                return None
            except PositionExpiredError:
                # Retention took the first records meanwhile.
                continue
            break
        sightings = [each.sighting for each in records if each.value]
        if row.place is not None and row.record_version is not None and row.place < first:
            sightings.append(Sighting(partition, row.place, row.record_version, None))
        return sightings

    async def bounded(self, topic: str, partition: int, handed: Iterable[Handed]) -> list[Handed]:
        """Return the same with what nobody knows of cut at what the log held at that moment."""
        ends: dict[datetime, int] = {}
        known = []
        for each in handed:
            if each.until is None:
                known.append(each)
                continue
            if each.until not in ends:
                moment = int((each.until + SLACK).timestamp() * 1000)
                ends[each.until] = await self._search.end_at(topic, partition, moment)
            last = min(each.last, ends[each.until] - 1)
            if last >= each.first:
                known.append(each._replace(last=last))
        return known
