"""Keeps the index over searched items of one fold: of what is folded, and of what was before."""

from collections.abc import Collection, Sequence
from typing import Final

from catalog import versions
from exchange.latest import search_store
from exchange.latest.fold import Folded
from exchange.latest.store import Lease, digest
from exchange.latest.terms import SearchItems, Term, search_items, terms, terms_of
from kernel import clock
from kernel.database import Database
from kernel.turns import FairScheduler

LOOK_SECONDS: Final = 60.0


class Indexer:
    """Of one fold, which its holder alone writes.

    Where items are searched that were not before, rows that are there are read in batches, between
    which folding goes on; until all are done, `indexed` does not name their elements.
    """

    def __init__(self, database: Database, turns: FairScheduler, me: str, lease: Lease) -> None:
        self._database = database
        self._turns = turns
        self._me = me
        self._lease = lease
        self._indexed = frozenset(lease.indexed)
        self._searched = SearchItems()
        self._after: bytes | None = None
        self._looked_at: float | None = None

    @property
    def has_more(self) -> bool:
        """Whether there are rows that are not indexed yet."""
        return self._after is not None

    async def look_when_due(self) -> None:
        """Look at the versions now and then: a new one may search other items of old records."""
        if self._looked_at is None or clock.monotonic() - self._looked_at > LOOK_SECONDS:
            await self._look()

    async def _look(self) -> None:
        """Find out which items of which versions are searched now."""
        self._looked_at = clock.monotonic()
        resource_id = self._lease.resource_id
        async with self._database.reading() as session:
            found = await versions.record_versions(session, [resource_id])
        before, self._searched = self._searched, search_items(found[resource_id])
        elements = self._searched.elements
        if not self._indexed <= elements:
            await self._set_indexed(self._indexed & elements)
        if not elements <= self._indexed and (self._after is None or before.elements != elements):
            self._after = b""

    async def terms(self, folded: Folded) -> Sequence[Term] | None:
        """Return the terms of what was folded; None where nothing is searched."""
        known = self._searched.versions
        if any(record.version not in known for record in folded.latest.values()):
            await self._look()
        if not self._searched.elements:
            return None
        digests = {key: digest(key) for key in folded.latest}
        return await self._turns.finish(terms_of(self._searched, folded, digests))

    async def go_on(self) -> None:
        """Index some rows that were folded before; at the end write down that all are."""
        if self._after is None:
            return
        fold_id = self._lease.fold_id
        async with self._database.transaction() as session:
            rows = await search_store.rows_after(session, fold_id, self._after)
            found = [term for row in rows for term in terms(self._searched, *row[1:], row[0])]
            await search_store.add(session, fold_id, found)
        if rows:
            self._after = rows[-1].digest
            return
        self._after = None
        await self._set_indexed(self._searched.elements)

    async def _set_indexed(self, elements: Collection[str]) -> None:
        async with self._database.transaction() as session:
            await search_store.set_indexed(session, self._me, self._lease.fold_id, elements)
        self._indexed = frozenset(elements)
