"""A file of all that a view shows of a resource's latest state, written as it is read.

Everything is read in one transaction that sees one moment, page by page: memory stays flat.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from catalog import versions
from catalog.contracts.model import Contract
from exchange.delivery.errors import UnknownVersion
from exchange.delivery.lookup.rows import shown_by
from exchange.delivery.projection.projection import Projection
from exchange.delivery.snapshots import store
from exchange.delivery.snapshots.columns import Row, columns_of, rows_of
from exchange.delivery.snapshots.formats import Format, Writer, writer_of
from exchange.latest import reading
from exchange.latest.asking import asking
from exchange.latest.reading import BEGINNING, FoldState, LatestRecord, Place
from kernel.database import Database, ReadSession

PAGE_ROWS: Final = 2_000
# Progress is told after so many records.
TOLD_EVERY: Final = 20_000


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a resource: its items by granted names, as the projection shows them."""

    resource_id: str
    items: tuple[str, ...]
    projection: Projection


class ViewFile:
    """What is known of a file while it is written; `told` hears of the rows now and then."""

    def __init__(
        self,
        database: Database,
        view: View,
        wanted: Format,
        told: Callable[[int], Awaitable[None]],
    ) -> None:
        self._database = database
        self._view = view
        self._wanted = wanted
        self._told = told
        self.rows = 0
        self.versions: set[int] = set()
        self.position: Sequence[int] = ()
        self.as_of: datetime | None = None

    @property
    def identity(self) -> bytes:
        """Name what the view shows of the versions that the file holds."""
        return identity_of(self._view.projection, sorted(self.versions))

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the file; raises StateIncomplete, UnknownVersion and TooManyRows."""
        resource_id = self._view.resource_id
        async with asking(self._database), self._database.snapshot() as session:
            folds = await reading.states(session, resource_id)
            self.as_of = reading.require_complete(resource_id, folds)
            self.position = await store.folded_to(session, resource_id)
            published = await versions.contract_of(session, resource_id, None)
            writer = await asyncio.to_thread(self._writer, published.contract)
            try:
                async for piece in self._written(session, folds, writer):
                    yield piece
                rest = writer.end()
                while piece := await asyncio.to_thread(lambda: next(rest, b"")):
                    yield piece
            finally:
                await asyncio.to_thread(writer.close)

    def _numbers(self) -> list[int]:
        """Return the versions whose items are known."""
        known = self._view.projection.known
        return sorted(number for number, version in known.items() if version.items)

    def _writer(self, contract: Contract) -> Writer:
        views = [self._view.projection.view(number) for number in self._numbers()]
        return writer_of(self._wanted, columns_of(self._view.items, views, contract))

    async def _written(
        self, session: ReadSession, folds: Sequence[FoldState], writer: Writer
    ) -> AsyncIterator[bytes]:
        place, told = BEGINNING, 0
        while records := await reading.page(session, folds, place, PAGE_ROWS):
            last = records[-1]
            place = Place(last.partition, last.digest)
            piece, rows = await asyncio.to_thread(self._add, writer, records)
            self.rows += rows
            if self.rows - told >= TOLD_EVERY:
                told = self.rows
                await self._told(told)
            if piece:
                yield piece

    def _add(self, writer: Writer, records: Sequence[LatestRecord]) -> tuple[bytes, int]:
        """Write what shows of some records; returns the bytes that are ready, and how many."""
        rows, lines = list[Row](), list[bytes]()
        shown = shown_by(self._view.projection, records)
        by_version: dict[int, list[bytes]] = {}
        for record, line in zip(records, shown, strict=True):
            if record.version not in self._view.projection.versions:
                raise UnknownVersion
            if line is not None:
                by_version.setdefault(record.version, []).append(b"{%b}" % line)
        for version, of_version in by_version.items():
            rows += rows_of(of_version, self._view.projection.view(version))
            lines += of_version
        self.versions |= set(by_version)
        return writer.add(rows, lines), len(lines)


def identity_of(projection: Projection, numbers: Sequence[int]) -> bytes:
    """Name what a projection shows of records of these versions."""
    digest = hashlib.blake2b(digest_size=32)
    for number in numbers:
        digest.update(number.to_bytes(8))
        digest.update(projection.identity(number))
    return digest.digest()
