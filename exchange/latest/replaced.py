"""SQL of a full replacement: which rows of the latest state are of records before it began."""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from exchange.latest.windows import FOLDED
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession

COUNTED_AT_ONCE: Final = 20_000
"""Rows that one statement counts, some tens of milliseconds of PostgreSQL."""

FOLDS = text("""
    SELECT id, partition, topic_id, folded_to, unbroken_from, caught_up_at IS NOT NULL
    FROM exchange.fold WHERE resource_id = :resource_id AND current ORDER BY partition
""")
COUNT = text("""
    SELECT count(*), count(*) FILTER (WHERE living),
        count(*) FILTER (WHERE living AND place < :start AND digest <> ALL(CAST(:kept AS bytea[]))),
        max(digest)
    FROM (
        SELECT digest, place, value IS NOT NULL AS living FROM exchange.latest
        WHERE fold_id = :fold_id AND digest > :after ORDER BY digest LIMIT :most
    ) AS rows
""")
BEFORE = text("""
    SELECT digest, key FROM exchange.latest
    WHERE fold_id = :fold_id AND digest > :after AND place < :start AND value IS NOT NULL
    ORDER BY digest LIMIT :most
""")
HOLDS = text("""
    SELECT count(*) FROM exchange.latest
    WHERE fold_id = ANY(:folds) AND digest = ANY(CAST(:digests AS bytea[])) AND value IS NOT NULL
""")
COMPLETE = text("""
    UPDATE exchange.fold SET unbroken_from = 0
    WHERE id = :fold_id AND current AND unbroken_from BETWEEN 1 AND :start
""")


class FoldPlace(NamedTuple):
    """How far a partition is folded, and of which topic."""

    fold_id: int
    partition: int
    topic_id: bytes
    folded_to: int
    unbroken_from: int
    caught_up: bool


class Counted(NamedTuple):
    """Living rows of a stretch of digests, those of before, and where the stretch ends."""

    rows: int
    living: int
    before: int
    last: bytes | None


async def folds(session: ReadSession, resource_id: str) -> Sequence[FoldPlace]:
    """Return the folds of a resource by their partitions; none where it is not folded."""
    rows = await session.execute(FOLDS.bindparams(resource_id=resource_id))
    return [FoldPlace(*row) for row in rows]


async def count(
    session: ReadSession, fold_id: int, start: int, after: bytes, kept: Collection[bytes]
) -> Counted:
    """Count up to COUNTED_AT_ONCE rows behind a digest; `kept` are digests left out of `before`."""
    facts: dict[str, Any] = {"fold_id": fold_id, "start": start, "after": after}
    facts |= {"kept": list(kept), "most": COUNTED_AT_ONCE}
    return Counted(*(await session.execute(COUNT.bindparams(**facts))).one())


async def before(
    session: ReadSession, fold_id: int, start: int, after: bytes, most: int
) -> Sequence[tuple[bytes, bytes]]:
    """Return digests and keys of living rows whose last record lies before `start`."""
    facts = {"fold_id": fold_id, "start": start, "after": after, "most": most}
    return [(row[0], row[1]) for row in await session.execute(BEFORE.bindparams(**facts))]


async def holding(session: ReadSession, fold_ids: Sequence[int], digests: Sequence[bytes]) -> int:
    """Return how many of these keys have a record."""
    facts = {"folds": list(fold_ids), "digests": list(digests)}
    return int((await session.execute(HOLDS.bindparams(**facts))).scalar_one())


async def make_complete(
    session: WriteSession, resource_id: str, starts: Sequence[tuple[int, int]]
) -> None:
    """Write down that folds lack nothing: whatever stood before these offsets was replaced.

    A fold that has lost records since its offset stays broken.
    """
    for fold_id, start in starts:
        await session.execute(COMPLETE.bindparams(fold_id=fold_id, start=start))
    await announce(session, FOLDED, resource_id)
