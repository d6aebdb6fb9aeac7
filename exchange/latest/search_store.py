"""SQL of the index over searched items of the latest state."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import text

from exchange.latest.terms import Term
from kernel.database import ReadSession, WriteSession

ROWS_AT_ONCE: Final = 500
PAGE_BYTES: Final = 4 * 1024 * 1024
ROW_OVERHEAD_BYTES: Final = 200
REMOVE = text("""
    DELETE FROM exchange.search_term WHERE fold_id = :fold_id AND digest = ANY(:digests)
""")
ADD = text("""
    INSERT INTO exchange.search_term (fold_id, item, term, digest)
    SELECT :fold_id, r.* FROM unnest(CAST(:items AS text[]), CAST(:terms AS bytea[]),
        CAST(:digests AS bytea[])) AS r
    ON CONFLICT DO NOTHING
""")
UNINDEXED = text("""
    SELECT digest, version, value FROM (
        SELECT digest, version, value, sum(octet_length(value) + :overhead) OVER (ORDER BY digest)
            - octet_length(value) - :overhead AS ahead
        FROM (
            SELECT digest, version, value FROM exchange.latest
            WHERE fold_id = :fold_id AND digest > :after AND value IS NOT NULL
            ORDER BY digest LIMIT :most
        ) AS rows
    ) AS w WHERE ahead < :most_bytes ORDER BY digest
""")
INDEXED = text("""
    UPDATE exchange.fold SET indexed = :elements WHERE id = :fold_id AND holder = :me
""")


class Row(NamedTuple):
    digest: bytes
    version: int
    value: bytes


async def replace(
    session: WriteSession, fold_id: int, digests: Sequence[bytes], terms: Sequence[Term]
) -> None:
    """Let rows have these terms and no others."""
    await session.execute(REMOVE.bindparams(fold_id=fold_id, digests=list(digests)))
    await add(session, fold_id, terms)


async def add(session: WriteSession, fold_id: int, terms: Sequence[Term]) -> None:
    if not terms:
        return
    items, values, digests = (list(column) for column in zip(*terms, strict=True))
    await session.execute(
        ADD.bindparams(fold_id=fold_id, items=items, terms=values, digests=digests)
    )


async def rows_after(session: ReadSession, fold_id: int, after: bytes) -> Sequence[Row]:
    """Return some rows of the latest state, in the order of their digests."""
    facts = {
        "fold_id": fold_id,
        "after": after,
        "most": ROWS_AT_ONCE,
        "overhead": ROW_OVERHEAD_BYTES,
        "most_bytes": PAGE_BYTES,
    }
    return [Row(*row) for row in await session.execute(UNINDEXED.bindparams(**facts))]


async def set_indexed(
    session: WriteSession, me: str, fold_id: int, elements: Collection[str]
) -> None:
    """Write down by which elements all rows of a fold can be searched."""
    facts = {"fold_id": fold_id, "me": me, "elements": sorted(elements)}
    await session.execute(INDEXED.bindparams(**facts))
