"""SQL of what readers ask of the latest state: a page of it, a key, and how true it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from exchange.latest.errors import StateIncomplete
from exchange.latest.store import digest
from kernel.database import ReadSession

PAGE_BYTES: Final = 4 * 1024 * 1024
ROW_OVERHEAD_BYTES: Final = 200
FOLDS = text("""
    SELECT id, partition, unbroken_from = 0, caught_up_at IS NOT NULL,
        COALESCE(as_of, caught_up_at), indexed
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
ARM = text("""
    SELECT term, digest, key, place, version, value, batch FROM (
        SELECT t.term, l.digest, l.key, l.place, l.version, l.value, l.batch,
            sum(octet_length(l.value) + :overhead) OVER (ORDER BY t.term, t.digest)
            - octet_length(l.value) - :overhead AS ahead
        FROM (
            SELECT term, digest FROM exchange.search_term
            WHERE fold_id = :fold_id AND item = :item AND term >= :low AND term < :high
                AND (term, digest) > (CAST(:term AS bytea), CAST(:digest AS bytea))
            ORDER BY term, digest LIMIT :most
        ) AS t JOIN exchange.latest l ON l.fold_id = :fold_id AND l.digest = t.digest
            AND l.value IS NOT NULL
    ) AS w WHERE ahead < :most_bytes ORDER BY term, digest
""")
ROW = text("""
    SELECT digest, key, place, version, value, batch FROM exchange.latest
    WHERE fold_id = :fold_id AND digest = :digest AND value IS NOT NULL
""")


class OneFold(Protocol):
    """The fold of one partition, whatever else is known of it."""

    @property
    def fold_id(self) -> int: ...

    @property
    def partition(self) -> int: ...


class FoldState(NamedTuple):
    """How true the latest state of a partition is; `as_of` is None until it was caught up."""

    fold_id: int
    partition: int
    unbroken: bool
    caught_up: bool
    as_of: datetime | None
    indexed: Sequence[str] = ()


class LatestRecord(NamedTuple):
    """The last record of a key; `batch` is the mark of its batch, None where none was kept."""

    partition: int
    digest: bytes
    key: bytes
    place: int
    version: int
    value: bytes
    batch: bytes | None


class Arm(NamedTuple):
    """A stretch of an item's search terms, `high` exclusive."""

    item: str
    low: bytes
    high: bytes


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
    session: ReadSession, folds: Sequence[OneFold], after: Place, most: int
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


async def searched(
    session: ReadSession, fold: FoldState, arm: Arm, after: tuple[bytes, bytes], most: int
) -> Sequence[tuple[bytes, LatestRecord]]:
    """Return rows of an arm with their terms, behind a term and a digest, in their order.

    Fewer than asked for may be PAGE_BYTES of them; none are behind the last.
    """
    facts = {
        "fold_id": fold.fold_id,
        "item": arm.item,
        "low": arm.low,
        "high": arm.high,
        "term": after[0],
        "digest": after[1],
        "most": most,
        "most_bytes": PAGE_BYTES,
        "overhead": ROW_OVERHEAD_BYTES,
    }
    rows = await session.execute(ARM, facts)
    return [(row[0], LatestRecord(fold.partition, *row[1:])) for row in rows]


async def one(session: ReadSession, fold: FoldState, key: bytes) -> LatestRecord | None:
    """Return the last record of a key, None where there is none or it was deleted."""
    row = (await session.execute(ROW, {"fold_id": fold.fold_id, "digest": digest(key)})).first()
    return None if row is None else LatestRecord(fold.partition, *row)


# -- many keys at once ----------------------------------------------------------------------------

SEVERAL = text("""
    SELECT q.nth, f.id, f.partition, f.unbroken_from = 0, f.caught_up_at IS NOT NULL,
        COALESCE(f.as_of, f.caught_up_at), l.digest, l.key, l.place, l.version, l.value, l.batch
    FROM unnest(CAST(:resources AS text[]), CAST(:partitions AS int[]), CAST(:digests AS bytea[]))
        WITH ORDINALITY AS q (resource_id, partition, digest, nth)
    JOIN exchange.fold f
        ON f.resource_id = q.resource_id AND f.partition = q.partition AND f.current
    LEFT JOIN LATERAL (
        SELECT digest, key, place, version, value, batch FROM exchange.latest
        WHERE fold_id = f.id AND digest = q.digest AND value IS NOT NULL LIMIT 1
    ) AS l ON true
""")


class Wanted(NamedTuple):
    """A key of a resource, in the partition that it is of."""

    resource_id: str
    partition: int
    key: bytes


class Found(NamedTuple):
    """What a partition's fold holds of a key."""

    fold: FoldState
    record: LatestRecord | None


async def several(connection: AsyncConnection, wanted: Sequence[Wanted]) -> Sequence[Found | None]:
    """Return what is known of each key, None where its partition is not folded."""
    facts = {
        "resources": [each.resource_id for each in wanted],
        "partitions": [each.partition for each in wanted],
        "digests": [digest(each.key) for each in wanted],
    }
    found: dict[int, Found] = {}
    for nth, fold_id, partition, unbroken, caught_up, as_of, *row in await connection.execute(
        SEVERAL, facts
    ):
        fold = FoldState(fold_id, partition, unbroken, caught_up, as_of)
        record = None if row[0] is None else LatestRecord(partition, *row)
        found[nth] = Found(fold, record)
    return [found.get(nth) for nth in range(1, len(wanted) + 1)]
