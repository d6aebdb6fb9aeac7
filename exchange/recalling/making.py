"""A worker makes the list that a narrower filter begins with (api.md, section 2).

It looks through what was handed on under the terms before, and lists each key whose last record
the filter hides. Nothing leaves by the subscription until it is done, so no worker has gone past
what was looked at. Whoever goes on after a kill adds what is missing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog import versions
from exchange import store as moving
from exchange.corrections import granted_terms
from exchange.corrections.granted_terms import GrantedTerms
from exchange.corrections.marking import Marking
from exchange.events import ExchangeEvent
from exchange.latest import reading, replaced
from exchange.latest.fold import Record
from exchange.latest.reading import Place
from exchange.latest.records import records_of
from exchange.latest.replaced import FoldPlace
from exchange.log.errors import PositionExpiredError
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.log.spans import spanning
from exchange.log.topics import topic_of
from exchange.metering.evidence import store as evidence
from exchange.metering.evidence.delivered import Handed
from exchange.recalling import scan
from exchange.recalling.scan import Covered, Looks, Seen
from exchange.recalls import store
from exchange.recalls.store import Due
from exchange.subscriptions.tables import Subscription
from kernel import audit, clock
from kernel.actor import SYSTEM
from kernel.database import Database
from kernel.patience import look_for_ever
from kernel.secretbox import Secretbox

POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 1.0
FETCH_BYTES: Final = 1024 * 1024
RECORDS_AT_ONCE: Final = 1_000
# Less than a list is held by whoever makes it.
FOLD_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1


class NotYetError(Exception):
    """The latest state has not come to the end of the log."""


class FinishedError(Exception):
    """Somebody else has made the list."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A subscription whose list is made, and what was handed on under the terms before."""

    due: Due
    topic: str
    looks: Looks
    covered: Covered


class RecallMaker:
    """One worker's; a list is made by one of them at a time."""

    def __init__(self, database: Database, reader: Reader, marking: Marking) -> None:
        self._database = database
        self._reader = reader
        self._marking = marking

    async def run_for_ever(self) -> None:
        """Make lists for ever; a database or broker that is away is waited for."""
        waiting = "lists of recalled keys wait"
        await look_for_ever(self.look, waiting, every=POLL_SECONDS, retry=RETRY_SECONDS)

    async def look(self) -> bool:
        """Make one list, or look again at one; whether there was one to look at."""
        async with self._database.transaction() as session:
            due = await store.claim(session)
        if due is None:
            return False
        if due.made:
            await self._look_again(due)
            return True
        try:
            await self._make(due)
        except FinishedError:
            pass
        except (NotYetError, PositionExpiredError):
            async with self._database.transaction() as session:
                await store.look_later(session, due, AGAIN_SECONDS)
        return True

    async def _look_again(self, due: Due) -> None:
        """Make it once more where a worker that was killed may have handed on more."""
        async with self._database.transaction() as session:
            row = await moving.get(session, Subscription, due.subscription_id)
            seen = await evidence.last_seen(session, row.resource_id, row.id)
            # A killed worker is found out within half a minute after it served for the last time.
            if any(each.until > due.asked_at for each in seen):
                await store.reopen(session, due)
            else:
                await store.look_later(session, due, None)

    async def _make(self, due: Due) -> None:
        async with self._database.reading() as session:
            row = await moving.get(session, Subscription, due.subscription_id)
            in_force = (await versions.contract_of(session, row.resource_id, None)).version
            granted = await granted_terms.load(
                session, self._marking.box, row.resource_id, [row.id]
            )
        looks = Looks(row.id, granted, in_force)
        topic = topic_of(row.resource_id)
        for fold in await self._folded(row.resource_id, topic):
            handed = await self._handed(row, granted, topic, fold.partition, due)
            await self._list(Narrowed(due, topic, looks, Covered(handed)), fold)
        async with self._database.transaction() as session:
            count = await store.finish(session, due)
            if count is not None:
                event = ExchangeEvent.SUBSCRIPTION_RECALLED
                facts = {"revision": due.revision, "keys": count}
                audit.record(session, SYSTEM, event, "subscription", row.id, **facts)

    async def _folded(self, resource_id: str, topic: str) -> Sequence[FoldPlace]:
        """Return the folds once they hold what the log holds now: nobody was handed more."""
        async with self._database.reading() as session:
            partitions = [fold.partition for fold in await replaced.folds(session, resource_id)]
        ends = {p: await self._reader.offset(topic, p, LATEST) for p in partitions}
        deadline = clock.monotonic() + FOLD_SECONDS
        while clock.monotonic() < deadline:
            async with self._database.reading() as session:
                folds = await replaced.folds(session, resource_id)
            if folds and all(fold.folded_to >= ends.get(fold.partition, 0) for fold in folds):
                return folds
            await asyncio.sleep(LOOK_SECONDS)
        raise NotYetError

    async def _handed(
        self, row: Subscription, granted: GrantedTerms, topic: str, partition: int, due: Due
    ) -> list[Handed]:
        """Return what was handed on of a partition before the list; what is unknown counts."""
        async with self._database.reading() as session:
            told = await evidence.of_subscription(session, row.id)
            seen = await evidence.last_seen(session, row.resource_id, row.id)
        handed = [*told, *granted.lost(seen, partition)]
        return await self._marking.bounded(
            topic,
            partition,
            [
                each
                for each in handed
                if each.under.partition == partition and each.under.revision < due.revision
            ],
        )

    async def _list(self, narrowed: Narrowed, fold: FoldPlace) -> None:
        """Add the hidden keys of one partition to the list."""
        if narrowed.covered.first is None:
            return
        earliest = await self._reader.offset(narrowed.topic, fold.partition, EARLIEST)
        async for seen in self._latest(fold, earliest):
            await self._add(narrowed, fold, seen)
        async for seen in self._in_the_log(narrowed, fold, earliest):
            await self._add(narrowed, fold, seen)

    async def _add(self, narrowed: Narrowed, fold: FoldPlace, seen: Sequence[Seen]) -> None:
        due, looks = narrowed.due, narrowed.looks
        records = scan.handed_on(looks, narrowed.covered, seen)
        keys = []
        if records:
            async with self._database.reading() as session:
                keys = await scan.hidden(session, fold, looks, due.revision, records)
        async with self._database.transaction() as session:
            if not await store.add(session, due, keys):
                raise FinishedError

    async def _latest(self, fold: FoldPlace, earliest: int) -> AsyncIterator[Sequence[Seen]]:
        """Yield last records that the log may have lost; those that it has are read from it."""
        place = Place(fold.partition, b"")
        while earliest:
            async with self._database.reading() as session:
                rows = await reading.page(session, [fold], place, RECORDS_AT_ONCE)
            if not rows:
                return
            place = Place(fold.partition, rows[-1].digest)
            yield [
                Seen(each.partition, each.place, each.key, each.version, each.value)
                for each in rows
                if each.place < earliest
            ]

    async def _in_the_log(
        self, narrowed: Narrowed, fold: FoldPlace, earliest: int
    ) -> AsyncIterator[Sequence[Seen]]:
        """Yield records of what was handed on, and what stood before the first ones of keys.

        Where retention took nothing, only what was handed on is read.
        """
        for first, end in narrowed.covered.stretches(earliest, fold.folded_to):
            async for found in self._records(narrowed.topic, fold.partition, first, end):
                seen = [
                    Seen(fold.partition, each.place, each.key, each.version, each.value)
                    for each in found
                    if each.value is not None and first <= each.place < end
                ]
                keys = {each.place: each.key for each in found}
                async with self._database.reading() as session:
                    seen += await scan.before(session, fold, keys, earliest)
                yield seen

    async def _records(
        self, topic: str, partition: int, first: int, end: int
    ) -> AsyncIterator[Sequence[Record]]:
        """Yield the records of a stretch, some at a time, and with them neighbours of it."""
        offset = first
        while offset < end:
            chunk = await self._reader.read(topic, partition, offset, FETCH_BYTES)
            if chunk.next_offset <= offset:
                return
            await self._reader.turns.finish(spanning(chunk))
            for begin in range(0, len(chunk.offsets), RECORDS_AT_ONCE):
                last = min(begin + RECORDS_AT_ONCE, len(chunk.offsets))
                yield [record for _at, record in records_of(chunk, begin, last)]
            offset = chunk.next_offset


async def make_recalls(
    database: Database,
    reader: Reader,
    open_box: Callable[[], Coroutine[Any, Any, Secretbox]],
    marking_of: Callable[[Secretbox], Marking],
) -> None:
    """Make lists for ever, once what is sealed can be opened."""
    maker = RecallMaker(database, reader, marking_of(await open_box()))
    await maker.run_for_ever()
