"""The job that makes the file of an open entry anew."""

from contextlib import aclosing
from functools import partial
from typing import Final

from catalog import open_data
from exchange.delivery.open_data import store
from exchange.delivery.open_data.view import OpenView, open_view
from exchange.delivery.snapshots.formats import MEDIA, Format
from exchange.delivery.snapshots.making import told
from exchange.delivery.snapshots.writing import ViewFile
from exchange.events import ExchangeEvent
from kernel import audit, blobs, clock
from kernel.blobs import Stored
from kernel.jobs import Run

BYTES_MAX: Final = 16 * 1024**3


async def make(run: Run) -> None:
    """Write the file of an entry that is open now; raises NotFound for another, StateIncomplete."""
    resource_id, wanted = run.arguments["resource_id"], Format(run.arguments["format"])
    async with run.database.reading() as session:
        entry = await open_data.get(session, resource_id)
        opened = await open_view(session, run.box, resource_id)
    file = ViewFile(run.database, opened.view, wanted, partial(told, run))
    async with aclosing(file.pieces()) as pieces:
        stored = await run.blobs.write(pieces, most_bytes=BYTES_MAX)
    async with run.blobs.keeping(stored):
        await _finish(run, opened, file, stored, f"{entry.name}.{wanted}")


async def _finish(run: Run, opened: OpenView, file: ViewFile, stored: Stored, name: str) -> None:
    wanted, resource_id, now = Format(run.arguments["format"]), opened.view.resource_id, clock.now()
    facts = {
        "blob_id": stored.id,
        "made_at": now,
        "position": list(file.position),
        "as_of": file.as_of,
        "version": opened.version,
        "versions": sorted(file.versions),
        "identity": file.identity,
        "rows": file.rows,
    }
    run.done = file.rows
    event = ExchangeEvent.OPEN_FILE_MADE
    told_ = {"format": str(wanted), "rows": file.rows, "sha256": stored.sha256}
    async with run.transaction() as session:
        row = await store.hold(session, resource_id, wanted, now)
        blobs.add(session, run.box, stored, media=MEDIA[wanted], name=name)
        await store.made(session, row, now, **facts)
        audit.record(session, run.author, event, "resource", resource_id, **told_)
