"""SQL of the quarantine: refused records of a publish, unseen until its receipt is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, LargeBinary, String, bindparam, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update

from exchange.publishing.tables import QuarantineBatch, QuarantineEntry, QuarantineUse
from kernel.database import ReadSession, WriteSession
from kernel.paging import PageRequest


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """A refused record, encrypted with its errors; `size` is that of the record as received."""

    id: str
    index: int
    sealed: bytes
    size: int


@dataclass(frozen=True, slots=True)
class FreedRoom:
    """What left the quarantine of a resource."""

    resource_id: str
    entries: int
    bytes_: int


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which records to list; None leaves a criterion out, `until` is exclusive."""

    batch_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ADD = text(
    "INSERT INTO exchange.quarantine_entry (id, batch_id, resource_id, index, sealed, size)"
    " SELECT e.id, :batch_id, :resource_id, e.index, e.sealed, e.size"
    " FROM unnest(:ids, :indexes, :contents, :sizes) AS e(id, index, sealed, size)"
).bindparams(
    bindparam("ids", type_=ARRAY(String)),
    bindparam("indexes", type_=ARRAY(Integer)),
    bindparam("contents", type_=ARRAY(LargeBinary)),
    bindparam("sizes", type_=ARRAY(Integer)),
)


async def take_room(
    session: WriteSession, resource_id: str, entries: int, size: int, most: tuple[int, int]
) -> bool:
    """Count the records in, unless there would be more of them, or of their bytes, than `most`."""
    most_entries, most_bytes = most
    if entries > most_entries or size > most_bytes:
        return False
    new = insert(QuarantineUse).values(resource_id=resource_id, entries=entries, bytes=size)
    entries_then = col(QuarantineUse.entries) + new.excluded.entries
    bytes_then = col(QuarantineUse.bytes_) + new.excluded.bytes
    adding = new.on_conflict_do_update(
        index_elements=["resource_id"],
        set_={"entries": entries_then, "bytes": bytes_then},
        where=(entries_then <= most_entries) & (bytes_then <= most_bytes),
    )
    rows = await session.execute(adding.returning(col(QuarantineUse.resource_id)))
    return rows.first() is not None


async def add(
    session: WriteSession, batch: QuarantineBatch, entries: Sequence[SealedEntry]
) -> None:
    session.add(batch)
    await session.flush()
    await session.execute(
        ADD.bindparams(
            batch_id=batch.id,
            resource_id=batch.resource_id,
            ids=[entry.id for entry in entries],
            indexes=[entry.index for entry in entries],
            contents=[entry.sealed for entry in entries],
            sizes=[entry.size for entry in entries],
        )
    )


async def find(session: ReadSession, batch_id: str) -> QuarantineBatch | None:
    return await session.get(QuarantineBatch, batch_id)


async def show(session: WriteSession, batch_id: str, receipt_id: str) -> bool:
    """Let a batch be seen; False when it is seen already, or forgotten."""
    rows = await session.execute(
        update(QuarantineBatch)
        .where(col(QuarantineBatch.id) == batch_id, col(QuarantineBatch.receipt_id).is_(None))
        .values(receipt_id=receipt_id, pending_until=None)
        .returning(col(QuarantineBatch.id))
    )
    return rows.first() is not None


async def withdraw(session: WriteSession, batch_id: str) -> None:
    """Forget a batch whose append certainly did not happen."""
    rows = await session.execute(
        delete(QuarantineBatch)
        .where(col(QuarantineBatch.id) == batch_id, col(QuarantineBatch.receipt_id).is_(None))
        .returning(col(QuarantineBatch.id))
    )
    if rows.first() is not None:
        await _remove(session, col(QuarantineEntry.batch_id) == batch_id)


Row = tuple[QuarantineEntry, QuarantineBatch]


async def page(
    session: ReadSession,
    resource_id: str,
    entry_filter: EntryFilter,
    request: PageRequest,
    most_bytes: int,
) -> tuple[Sequence[Row], bool]:
    """Return shown records, the oldest first, and whether there are more; at least one if any.

    Ends before `most_bytes` of records: their sizes are looked at before the records are.
    """
    sizes_of_rows = await session.execute(
        request.apply(
            select(col(QuarantineEntry.id), col(QuarantineEntry.size))
            .join(QuarantineBatch, col(QuarantineBatch.id) == col(QuarantineEntry.batch_id))
            .where(col(QuarantineEntry.resource_id) == resource_id, *_criteria(entry_filter)),
            QuarantineEntry.id,
        )
    )
    sizes = [(row.id, row.size) for row in sizes_of_rows]
    ids = _fitting(sizes[: request.limit], most_bytes)
    rows = await session.execute(
        select(QuarantineEntry, QuarantineBatch)
        .join(QuarantineBatch, col(QuarantineBatch.id) == col(QuarantineEntry.batch_id))
        .where(col(QuarantineEntry.id).in_(ids))
        .order_by(col(QuarantineEntry.id))
    )
    return [(row[0], row[1]) for row in rows], len(sizes) > len(ids)


def _fitting(sizes: Sequence[tuple[str, int]], most_bytes: int) -> list[str]:
    ids: list[str] = []
    total = 0
    for entry_id, size in sizes:
        total += size
        if ids and total > most_bytes:
            break
        ids.append(entry_id)
    return ids


def _criteria(entry_filter: EntryFilter) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = [col(QuarantineBatch.receipt_id).is_not(None)]
    if entry_filter.batch_id is not None:
        criteria.append(col(QuarantineBatch.id) == entry_filter.batch_id)
    if entry_filter.since is not None:
        criteria.append(col(QuarantineBatch.received_at) >= entry_filter.since)
    if entry_filter.until is not None:
        criteria.append(col(QuarantineBatch.received_at) < entry_filter.until)
    return criteria


async def remove(session: WriteSession, resource_id: str, ids: Sequence[str]) -> int:
    """Remove shown records of one resource, and return how many there were."""
    return await _remove_shown(session, resource_id, col(QuarantineEntry.id).in_(ids))


async def remove_batch(session: WriteSession, resource_id: str, batch_id: str) -> int:
    """Remove what is left of a batch of one resource, and return how many records that were."""
    return await _remove_shown(session, resource_id, col(QuarantineEntry.batch_id) == batch_id)


async def _remove_shown(session: WriteSession, resource_id: str, which: ColumnElement[bool]) -> int:
    is_shown = select(QuarantineBatch.id).where(
        col(QuarantineBatch.id) == col(QuarantineEntry.batch_id),
        col(QuarantineBatch.receipt_id).is_not(None),
    )
    mine = col(QuarantineEntry.resource_id) == resource_id
    freed = await _remove(session, mine & which & is_shown.exists())
    return sum(each.entries for each in freed)


async def _remove(session: WriteSession, which: ColumnElement[bool]) -> list[FreedRoom]:
    """Remove records and give their room back, resource by resource in one order."""
    removed = (
        delete(QuarantineEntry)
        .where(which)
        .returning(col(QuarantineEntry.resource_id), col(QuarantineEntry.size))
        .cte("gone")
    )
    sums = select(
        removed.c.resource_id,
        func.count().label("entries"),
        func.coalesce(func.sum(removed.c.size), 0).label("bytes"),
    )
    rows = await session.execute(
        sums.group_by(removed.c.resource_id).order_by(removed.c.resource_id)
    )
    freed = [FreedRoom(row.resource_id, row.entries, int(row.bytes)) for row in rows]
    for each in freed:
        await session.execute(
            update(QuarantineUse)
            .where(col(QuarantineUse.resource_id) == each.resource_id)
            .values(_less(each))
        )
    return freed


def _less(freed: FreedRoom) -> Mapping[Any, Any]:
    return {
        QuarantineUse.entries: col(QuarantineUse.entries) - freed.entries,
        QuarantineUse.bytes_: col(QuarantineUse.bytes_) - freed.bytes_,
    }


async def forget(
    session: WriteSession, now: datetime, before: datetime, *, batches: int, entries: int
) -> tuple[int, list[FreedRoom]]:
    """Forget batches received before a time, and pending ones past theirs.

    Takes `batches` of them at most, and fewer where they hold more than `entries` records.
    """
    over = (col(QuarantineBatch.received_at) < before) | (col(QuarantineBatch.pending_until) < now)
    outdated = await session.execute(
        select(col(QuarantineBatch.id), col(QuarantineBatch.rejected))
        .where(over)
        .order_by(col(QuarantineBatch.id))
        .limit(batches)
        .with_for_update(skip_locked=True)
    )
    ids = _fitting([(row.id, row.rejected) for row in outdated], entries)
    freed = await _remove(session, col(QuarantineEntry.batch_id).in_(ids))
    await session.execute(delete(QuarantineBatch).where(col(QuarantineBatch.id).in_(ids)))
    return len(ids), freed
