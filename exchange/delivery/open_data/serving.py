"""Files of open entries for anybody: judged when they are asked for, made once for a position."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from catalog import open_data
from exchange.delivery.open_data import store
from exchange.delivery.open_data.tables import OpenFile
from exchange.delivery.open_data.view import OpenView, open_view
from exchange.delivery.snapshots import store as positions
from exchange.delivery.snapshots.formats import Format
from exchange.delivery.snapshots.parquet import require_installed
from exchange.delivery.snapshots.writing import identity_of
from exchange.latest import reading
from exchange.latest.asking import asking
from exchange.latest.errors import StateIncomplete
from kernel import blobs, clock, jobs
from kernel.actor import SYSTEM
from kernel.database import Database, ReadSession
from kernel.errors import ShuyuanError, Text, Unavailable
from kernel.jobs import NewJob
from kernel.secretbox import Secretbox
from kernel.tables import BlobRow

KIND: Final = "open.make"
FORMATS: Final = (Format.CSV, Format.NDJSON, Format.PARQUET)
RENEWED: Final = timedelta(minutes=10)
"""However often records come, a file is made anew no sooner."""
RETRY_SECONDS: Final = 5
WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.25
# Requests of one worker that wait for a file at once.
WAITING_MAX: Final = 20


class BeingMade(Unavailable):
    """The file is on its way."""

    title = Text("文件正在生成，请稍后重试", "The file is being made; try again in a moment")

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_SECONDS)


@dataclass(frozen=True, slots=True)
class Served:
    """A file of an open entry; `as_of` is the moment up to which it is true."""

    blob: BlobRow
    as_of: datetime


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is: `blob` is one of what the entry shows now, `current` one of its last state."""

    served: Served | None = None
    current: bool = False


class OpenFiles:
    """One gateway worker's."""

    def __init__(self, database: Database, box: Secretbox) -> None:
        self._database = database
        self._box = box
        self._waiting = 0

    async def get(self, resource_id: str, wanted: Format) -> Served:
        """Return the file of an entry that is open at this moment, of its last state or nearly so.

        Raises NotFound, FormatNotServed, BeingMade, StateIncomplete.
        """
        if wanted is Format.PARQUET:
            require_installed()
        found = await self._look(resource_id, wanted)
        if found.served is None:
            await self._begin(resource_id, wanted)
            return await self._made(resource_id, wanted)
        if not found.current:
            # What there is will do until there is a newer one.
            with suppress(ShuyuanError):
                await self._begin(resource_id, wanted)
        return found.served

    async def _made(self, resource_id: str, wanted: Format) -> Served:
        """Wait a little for a file that is being made; raises BeingMade."""
        if self._waiting >= WAITING_MAX:
            raise BeingMade
        self._waiting += 1
        ends_at = clock.monotonic() + WAIT_SECONDS
        try:
            while clock.monotonic() < ends_at:
                await asyncio.sleep(LOOK_SECONDS)
                found = await self._look(resource_id, wanted)
                if found.served is not None:
                    return found.served
        finally:
            self._waiting -= 1
        raise BeingMade

    async def _look(self, resource_id: str, wanted: Format) -> _Found:
        async with self._database.reading() as session:
            await open_data.get(session, resource_id)
            opened = await open_view(session, self._box, resource_id)
            row = await store.find(session, resource_id, wanted)
            if row is None or row.blob_id is None or not _shows(opened, row):
                return _Found()
            blob = await blobs.find(session, row.blob_id)
            if blob is None:
                return _Found()
            current = await _is_current(session, row)
        return _Found(Served(blob, row.as_of or blob.created_at), current)

    async def _begin(self, resource_id: str, wanted: Format) -> None:
        """Have the file made, unless it is being; raises StateIncomplete, BeingMade, TooMany."""
        try:
            async with asking(self._database), self._database.reading() as session:
                folds = await reading.states(session, resource_id)
                reading.require_complete(resource_id, folds)
        except StateIncomplete as error:
            if error.passing:
                raise BeingMade from error
            raise
        async with self._database.transaction() as session:
            row = await store.hold(session, resource_id, wanted, clock.now())
            job = None if row.job_id is None else await jobs.find(session, row.job_id)
            if job is not None and job.status in jobs.OPEN:
                return
            arguments = {"resource_id": resource_id, "format": str(wanted)}
            queued = await jobs.add(session, SYSTEM, NewJob(kind=KIND, arguments=arguments))
            row.job_id = queued.id
            session.add(row)


def _shows(opened: OpenView, row: OpenFile) -> bool:
    """Whether a file shows what the entry shows now."""
    identity = identity_of(opened.view.projection, row.versions or ())
    return row.version == opened.version and row.identity == identity


async def _is_current(session: ReadSession, row: OpenFile) -> bool:
    if row.made_at is not None and clock.now() - row.made_at < RENEWED:
        return True
    return row.position == list(await positions.folded_to(session, row.resource_id))
