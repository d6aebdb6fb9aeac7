"""SQL of the shared buckets: `bucket.merged` for many of them in one statement."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from exchange.metering.rates.bucket import Telling
from kernel.database import WriteSession

FULL_SINCE_SECONDS = 60

# One clock, the database's. Keys are written in one order, so that workers never cross.
_TELL = text("""
    INSERT INTO exchange.rate_bucket AS bucket (key, since, due, depth)
    SELECT telling.key, clock.epoch - telling.age, clock.epoch - telling.age + telling.owed,
        telling.depth
    FROM unnest(
        CAST(:keys AS text[]), CAST(:ages AS float8[]),
        CAST(:owed AS float8[]), CAST(:depths AS float8[])
    ) AS telling (key, age, owed, depth),
    (SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8) AS epoch) AS clock
    ORDER BY telling.key
    ON CONFLICT (key) DO UPDATE SET (since, due, depth) = (
        SELECT
            CASE WHEN start >= was_due OR (start < was_since AND start + owed > was_since)
                THEN start ELSE was_since END,
            CASE WHEN start >= was_due THEN start + owed
                WHEN start >= was_since THEN was_due + owed
                ELSE greatest(was_due, start + owed + was_due - was_since) END,
            excluded.depth
        FROM (SELECT
            excluded.since AS start,
            excluded.due - excluded.since AS owed,
            bucket.since AS was_since,
            least(
                bucket.due,
                CAST(extract(epoch FROM clock_timestamp()) AS float8) + 2 * excluded.depth + 10
            ) AS was_due
        ) AS told
    )
    RETURNING key, due - CAST(extract(epoch FROM clock_timestamp()) AS float8) AS debt
""")
_FORGET = text("""
    DELETE FROM exchange.rate_bucket
    WHERE due < CAST(extract(epoch FROM clock_timestamp()) AS float8) - :seconds
""")


async def tell(session: WriteSession, tellings: Sequence[Telling]) -> dict[str, float]:
    """Take what one worker took from the shared buckets; return their debts in seconds."""
    values = _TELL.bindparams(
        keys=[telling.key for telling in tellings],
        ages=[telling.age for telling in tellings],
        owed=[telling.owed for telling in tellings],
        depths=[telling.depth for telling in tellings],
    )
    return {row.key: row.debt for row in await session.execute(values)}


async def forget_full(session: WriteSession, _now: datetime) -> None:
    """Delete buckets that have been full for a minute: no row says the same."""
    await session.execute(_FORGET.bindparams(seconds=FULL_SINCE_SECONDS))
