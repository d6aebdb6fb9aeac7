"""SQL of what was handed on: ranges of sealed minutes, and what killed workers leave unknown."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlmodel import col, select

from exchange.metering.evidence.delivered import Handed, LastSeen, Under, handed, joined
from exchange.metering.tables import CountFlush, ReadCount
from kernel import locks
from kernel.database import ReadSession, WriteSession

RANGES_AT_ONCE: Final = 2_000
# What a killed worker served this long before is looked at for what it may have served last.
SERVED: Final = timedelta(days=1)
KILLED_AT_ONCE: Final = 20

_KEY: Final = "subscription_id, partition, revision, version"
_NEW: Final = """
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
        (subscription_id text, partition int, revision int, version int, first bigint, last bigint)
"""
# Ranges that begin within or right behind a new one, and the one before it where that reaches it.
_TOUCHED = text(f"""
    WITH new AS ({_NEW}), touched AS (
        SELECT d.* FROM new AS n JOIN exchange.delivered_range AS d USING ({_KEY})
        WHERE d.first BETWEEN n.first AND n.last + 1
        UNION
        SELECT d.* FROM new AS n CROSS JOIN LATERAL (
            SELECT * FROM exchange.delivered_range AS d
            WHERE (d.subscription_id, d.partition, d.revision, d.version)
                = (n.subscription_id, n.partition, n.revision, n.version) AND d.first < n.first
            ORDER BY d.first DESC LIMIT 1
        ) AS d WHERE d.last >= n.first - 1
    )
    DELETE FROM exchange.delivered_range AS d USING touched AS t
    WHERE (d.subscription_id, d.partition, d.revision, d.version, d.first)
        = (t.subscription_id, t.partition, t.revision, t.version, t.first)
    RETURNING d.subscription_id, d.revision, d.version, d.partition, d.first, d.last
""")  # noqa: S608 - names of our own
_ADD = text(f"""
    INSERT INTO exchange.delivered_range AS d ({_KEY}, first, last) {_NEW}
    ORDER BY subscription_id, partition, revision, version, first
    ON CONFLICT ({_KEY}, first) DO UPDATE SET last = greatest(d.last, excluded.last)
""")
_COVERING = text("""
    SELECT d.subscription_id, d.revision, d.version, d.partition, d.first, d.last
    FROM exchange.delivered_range AS d JOIN exchange.subscription AS s ON s.id = d.subscription_id
    WHERE s.resource_id = :resource_id AND d.partition = :partition AND EXISTS (
        SELECT FROM unnest(CAST(:places AS bigint[])) AS p (place)
        WHERE p.place BETWEEN d.first AND d.last
    )
""")
_UNSEALED = text("""
    SELECT c.subscription_id, c.evidence FROM exchange.read_count AS c
    JOIN exchange.subscription AS s ON s.id = c.subscription_id
    WHERE s.resource_id = :resource_id AND NOT c.sealed
""")
_LOST = text("""
    SELECT l.subscription_id, l.until
    FROM exchange.lost_second AS l JOIN exchange.subscription AS s ON s.id = l.subscription_id
    WHERE s.resource_id = :resource_id
""")
_NOTE_LOST = text("""
    INSERT INTO exchange.lost_second (subscription_id, until)
    SELECT DISTINCT subscription_id, CAST(:until AS timestamptz) FROM exchange.read_count
    WHERE minute >= :since AND jsonb_exists(evidence, CAST(:worker AS text))
    ON CONFLICT DO NOTHING
""")


async def add(session: WriteSession, several: Iterable[Handed]) -> None:
    """Add what was handed on; ranges that touch become one."""
    ranges = joined(several)
    for start in range(0, len(ranges), RANGES_AT_ONCE):
        some = ranges[start : start + RANGES_AT_ONCE]
        touched = [_handed(row) for row in await session.execute(_TOUCHED, {"rows": _rows(some)})]
        await session.execute(_ADD, {"rows": _rows(joined([*some, *touched]))})


def _rows(ranges: Sequence[Handed]) -> str:
    rows = [each.under._asdict() | {"first": each.first, "last": each.last} for each in ranges]
    return orjson.dumps(rows).decode()


def _handed(row: Any) -> Handed:  # noqa: ANN401 - a row of a statement
    return Handed(Under(*row[:4]), row.first, row.last)


async def of_subscription(session: ReadSession, subscription_id: str) -> list[Handed]:
    """Return all that was handed on to a subscription, as far as it is flushed."""
    sealed = text("""
        SELECT subscription_id, revision, version, partition, first, last
        FROM exchange.delivered_range WHERE subscription_id = :id
    """)
    found = [_handed(row) for row in await session.execute(sealed, {"id": subscription_id})]
    unsealed = select(ReadCount).where(
        ReadCount.subscription_id == subscription_id, ~col(ReadCount.sealed)
    )
    for row in (await session.exec(unsealed)).all():
        found += handed(subscription_id, row.evidence)
    return joined(found)


async def covering(
    session: ReadSession, resource_id: str, partition: int, places: Collection[int]
) -> list[Handed]:
    """Return what was handed on of a partition that covers any of these places."""
    if not places:
        return []
    where = {"resource_id": resource_id, "partition": partition}
    sealed = await session.execute(_COVERING, where | {"places": sorted(places)})
    found = [_handed(row) for row in sealed]
    for row in await session.execute(_UNSEALED, {"resource_id": resource_id}):
        found += handed(row.subscription_id, row.evidence)
    return [each for each in found if any(each.covers(partition, place) for place in places)]


async def last_seen(
    session: ReadSession, resource_id: str, subscription_id: str | None = None
) -> list[LastSeen]:
    """Return which subscriptions of a resource a killed worker had served, one's own or all."""
    rows = [LastSeen(*row) for row in await session.execute(_LOST, {"resource_id": resource_id})]
    return [row for row in rows if subscription_id in (None, row.subscription_id)]


async def note_killed(session: WriteSession, now: datetime) -> int:
    """Write down what workers that were killed may have handed on in their last second.

    Returns how many workers, KILLED_AT_ONCE at most.
    """
    living = await locks.held_keys(session, locks.Lock.LIFE)
    killed = (
        select(CountFlush)
        .where(
            col(CountFlush.life).is_not(None),
            ~col(CountFlush.ended),
            col(CountFlush.life).not_in(living),
        )
        .limit(KILLED_AT_ONCE)
    )
    rows = (await session.exec(killed.with_for_update(skip_locked=True))).all()
    for row in rows:
        facts = {"worker": row.worker, "since": now - SERVED, "until": now}
        await session.execute(_NOTE_LOST, facts)
        row.ended = True
    return len(rows)
