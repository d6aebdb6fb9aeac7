"""The job of a snapshot: the approved view at one position, in an encrypted file (P3).

All records are charged before the snapshot is there; nothing of it has left then.
"""

from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

from auth.authors import principal_of
from exchange.delivery import admission
from exchange.delivery.errors import Day, QuotaExhausted, SnapshotOutdated
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.snapshots import store
from exchange.delivery.snapshots.asking import MODE
from exchange.delivery.snapshots.formats import MEDIA, Format
from exchange.delivery.snapshots.tables import Snapshot
from exchange.delivery.snapshots.writing import View, ViewFile
from exchange.delivery.viewing.representing import in_place_of
from exchange.events import ExchangeEvent
from exchange.metering.quota import Quotas, Reservation, seconds_left_of_today
from kernel import audit, blobs, clock
from kernel.blobs import Stored
from kernel.database import is_undone
from kernel.errors import Gone
from kernel.jobs import Run

BYTES_MAX: Final = 64 * 1024**3


class _Making(NamedTuple):
    """A file that is written, and whose it will be."""

    run: Run
    plan: GrantPlan
    file: ViewFile


async def told(run: Run, rows: int) -> None:
    """Keep how far a job is; raises LeaseLost."""
    run.done = rows
    async with run.transaction():
        pass


async def make(run: Run) -> None:
    """Write the file, charge its records, and make it known.

    Raises what a read is refused with, and Gone where it was removed meanwhile.
    """
    snapshot = await _snapshot(run)
    if snapshot is None:
        raise Gone
    if snapshot.blob_id is not None:
        return
    plan = await _plan(run, snapshot)
    file = ViewFile(
        run.database,
        View(plan.grant.resource_id, plan.grant.items, plan.projection),
        Format(snapshot.format),
        partial(told, run),
    )
    async with aclosing(file.pieces()) as pieces:
        stored = await run.blobs.write(pieces, most_bytes=BYTES_MAX)
    async with run.blobs.keeping(stored):
        await _charged(_Making(run, plan, file), stored, snapshot)


async def _snapshot(run: Run) -> Snapshot | None:
    async with run.database.reading() as session:
        return await store.find(
            session, run.arguments["subscription_id"], run.arguments["snapshot_id"], clock.now()
        )


async def _plan(run: Run, snapshot: Snapshot) -> GrantPlan:
    """Return the plan, if its author may have it now; raises 403 errors, SnapshotOutdated."""
    async with run.database.reading() as session:
        author = await principal_of(session, run.author, run.arguments["scopes"], run.row.id)
    plan = await GrantPlans(run.database, run.box).get(snapshot.subscription_id)
    admission.check(in_place_of(author, plan.grant), plan.grant, MODE)
    if plan.grant.revision != snapshot.revision:
        raise SnapshotOutdated
    return plan


async def _charged(making: _Making, stored: Stored, snapshot: Snapshot) -> None:
    """Charge all records to this day, or none; raises QuotaExhausted."""
    quotas = Quotas(making.run.database)
    try:
        reservation = await quotas.reserve(snapshot.subscription_id, making.file.rows)
        try:
            _require_all(reservation, making.file.rows)
            await _finish(making, stored, snapshot)
        except BaseException as error:
            # Where the answer to the commit was lost the snapshot may be there: it stays charged.
            if is_undone(error):
                quotas.give_back(reservation, reservation.records)
            raise
    finally:
        await quotas.close()


def _require_all(reservation: Reservation, rows: int) -> None:
    """Raise QuotaExhausted where the day has less left than the snapshot holds."""
    if reservation.records < rows:
        left = reservation.left + reservation.records
        raise QuotaExhausted(Day(reservation.quota or 0, left, seconds_left_of_today()))


async def _finish(making: _Making, stored: Stored, snapshot: Snapshot) -> None:
    """Make the snapshot known, with its manifest in the audit; raises LeaseLost and Gone."""
    run, plan = making.run, making.plan
    run.done = making.file.rows
    manifest = {
        "position": list(making.file.position),
        "as_of": making.file.as_of,
        "version": plan.version,
        "rows": making.file.rows,
        "sha256": stored.sha256,
    }
    facts = {
        **manifest,
        # It counts the records that the filter hides (P3); the audit keeps it.
        "position": None if plan.grant.row_filter else manifest["position"],
        "blob_id": stored.id,
        "made_at": clock.now(),
        "versions": sorted(making.file.versions),
        "identity": making.file.identity,
        "bytes_": stored.bytes,
    }
    name = f"{snapshot.subscription_id}-{snapshot.id}.{snapshot.format}"
    told = {"snapshot": snapshot.id, "format": snapshot.format, **manifest}
    event = ExchangeEvent.SNAPSHOT_MADE
    async with run.transaction() as session:
        if not await store.made(session, snapshot.id, facts):
            raise Gone
        blobs.add(
            session,
            run.box,
            stored,
            media=MEDIA[Format(snapshot.format)],
            name=name,
            expires_at=snapshot.expires_at,
        )
        audit.record(session, run.author, event, "subscription", snapshot.subscription_id, **told)
