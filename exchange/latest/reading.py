"""SQL of what readers ask of the latest state: a page of it, a key, and how true it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text

from exchange.latest.errors import StateIncomplete
from exchange.latest.store import digest
from kernel.database import ReadSession

PAGE_BYTES: Final = 4 * 1024 * 1024
ROW_OVERHEAD_BYTES: Final = 200
FOLDS = text("""
    SELECT id, partition, unbroken_from = 0, caught_up_at IS NOT NULL,
        COALESCE(as_of, caught_up_at)
    FROM exchange.fold WHERE resource_id = :resource_id AND current ORDER BY partition
""")
PAGE = text("""
    SELECT digest, key, place, version, value, batch FROM (
        SELECT *, sum(octet_length(value) + :overhead) OVER (ORDER BY digest)
            - octet_length(value) - :overhead AS ahead
        FROM (
            SELECT digest, key, place, version, value, batch FROM exchange.latest
            WHERE fold_id = :fold_id AND digest > :after AND value IS NOT NULL
            ORDER BY digest LIMIT :most
        ) AS rows
    ) AS w WHERE ahead < :most_bytes ORDER BY digest
""")
ROW = text("""
    SELECT digest, key, place, version, value, batch FROM exchange.latest
    WHERE fold_id = :fold_id AND digest = :digest AND value IS NOT NULL
""")


class FoldState(NamedTuple):
    """How true the latest state of a partition is; `as_of` is None until it was caught up."""

    fold_id: int
    partition: int
    unbroken: bool
    caught_up: bool
    as_of: datetime | None


class LatestRecord(NamedTuple):
    """The last record of a key; `batch` is the mark of its batch, None where none was kept."""

    partition: int
    digest: bytes
    key: bytes
    place: int
    version: int
    value: bytes
    batch: bytes | None


class Place(NamedTuple):
    """Where a page ended: readers go on with what stands behind it in the order of digests."""

    partition: int
    digest: bytes


BEGINNING: Final = Place(0, b"")


async def states(session: ReadSession, resource_id: str) -> Sequence[FoldState]:
    """Return the folds of a resource by their partitions; none where it is not folded."""
    return [FoldState(*row) for row in await session.execute(FOLDS, {"resource_id": resource_id})]


def require_complete(resource_id: str, folds: Sequence[FoldState]) -> datetime:
    """Return up to when the log was folded; raises StateIncomplete."""
    moments = [fold.as_of for fold in folds if fold.as_of is not None]
    unbroken = all(fold.unbroken for fold in folds)
    caught_up = all(fold.caught_up for fold in folds)
    if not folds or not unbroken or not caught_up or len(moments) < len(folds):
        raise StateIncomplete(resource_id, passing=unbroken)
    return min(moments)


async def page(
    session: ReadSession, folds: Sequence[FoldState], after: Place, most: int
) -> Sequence[LatestRecord]:
    """Return up to so many records behind a place, fewer where they come to PAGE_BYTES.

    The order is that of the digests of keys: a record that changes meanwhile keeps its place.
    """
    found: list[LatestRecord] = []
    room = PAGE_BYTES
    for fold in folds:
        if fold.partition < after.partition:
            continue
        facts = {
            "fold_id": fold.fold_id,
            "after": after.digest if fold.partition == after.partition else b"",
            "most": most - len(found),
            "most_bytes": room,
            "overhead": ROW_OVERHEAD_BYTES,
        }
        rows = [LatestRecord(fold.partition, *row) for row in await session.execute(PAGE, facts)]
        found += rows
        room -= sum(len(row.value) + ROW_OVERHEAD_BYTES for row in rows)
        if len(found) >= most or room <= 0:
            break
    return found


async def one(session: ReadSession, fold: FoldState, key: bytes) -> LatestRecord | None:
    """Return the last record of a key, None where there is none or it was deleted."""
    row = (await session.execute(ROW, {"fold_id": fold.fold_id, "digest": digest(key)})).first()
    return None if row is None else LatestRecord(fold.partition, *row)
