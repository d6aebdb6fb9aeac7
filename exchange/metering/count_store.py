"""SQL of the counts: added to by every worker, sealed into the audit by one."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import TextClause, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, delete, select, update

from auth.principal import Principal
from exchange.log.accepted import Accepted
from exchange.metering.tables import (
    CountFlush,
    DailyUse,
    PublishCount,
    PublishedTotal,
    ReadCount,
)
from kernel.database import ReadSession, WriteSession

FLUSHES_DAYS = 7
# Receipts of one statement: some milliseconds of the loop.
ISSUED_AT_ONCE = 500

Key = tuple[str, str, datetime]


class DayOf(NamedTuple):
    """One day of a subscription, Asia/Shanghai."""

    subscription_id: str
    day: date


class Use(NamedTuple):
    """What a day's use is now, what this statement added to it, and its quota, None without."""

    used: int
    granted: int
    quota: int | None


def _adding(table: str, subject: str, times: str) -> TextClause:
    """One statement that is never compiled again, however many rows come as one JSON text."""
    return text(f"""
        INSERT INTO exchange.{table} AS c
            ({subject}, client_id, minute, department, {times}, records, bytes, evidence, sealed)
        SELECT subject, client_id, minute, department, times, records, bytes, evidence, false
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
            (subject text, client_id text, minute timestamptz, department text,
             times bigint, records bigint, bytes bigint, evidence jsonb)
        ON CONFLICT ({subject}, client_id, minute) DO UPDATE SET
            {times} = c.{times} + excluded.{times},
            records = c.records + excluded.records,
            bytes = c.bytes + excluded.bytes,
            evidence = c.evidence || excluded.evidence,
            -- Late counts open a sealed minute again: it is then sealed with its new sums.
            sealed = false
    """)  # noqa: S608 - names of our own


ADD_PUBLISHES = _adding("publish_count", "resource_id", "batches")
ADD_READS = _adding("read_count", "subscription_id", "pages")
# A flush that waited for the database tells of the minute in which the records came.
ADD_TOTALS = text("""
    INSERT INTO exchange.published_total AS t (resource_id, records, last_published_at)
    SELECT subject, sum(records), least(now(), max(minute) + interval '1 minute')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
        (subject text, minute timestamptz, records bigint)
    GROUP BY subject HAVING sum(records) > 0 ORDER BY subject
    ON CONFLICT (resource_id) DO UPDATE SET records = t.records + excluded.records,
        last_published_at = greatest(t.last_published_at, excluded.last_published_at)
""")
ADD_DAYS = text("""
    INSERT INTO exchange.delivered_day AS d (subscription_id, day, answers, records, bytes)
    SELECT subject, CAST(minute AT TIME ZONE 'Asia/Shanghai' AS date),
        sum(carried), sum(records), sum(bytes)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
        (subject text, minute timestamptz, carried bigint, records bigint, bytes bigint)
    GROUP BY 1, 2 HAVING sum(carried) > 0 ORDER BY 1, 2
    ON CONFLICT (subscription_id, day) DO UPDATE SET answers = d.answers + excluded.answers,
        records = d.records + excluded.records, bytes = d.bytes + excluded.bytes
""")
RESERVE = text("""
    INSERT INTO exchange.daily_use AS d (subscription_id, day, records)
    SELECT s.id, r.day, LEAST(r.records, s.records_per_day)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
        (subscription_id text, day date, records bigint)
    JOIN exchange.subscription AS s ON s.id = r.subscription_id
    -- Workers lock in one order, or they would wait for one another for ever.
    ORDER BY s.id, r.day
    ON CONFLICT (subscription_id, day) DO UPDATE SET records = d.records + GREATEST(0, LEAST(
        excluded.records,
        (SELECT records_per_day FROM exchange.subscription WHERE id = d.subscription_id) - d.records
    ))
    RETURNING subscription_id, day, d.records AS used,
        d.records - COALESCE(old.records, 0) AS granted,
        (SELECT records_per_day FROM exchange.subscription WHERE id = d.subscription_id) AS quota
""")
LOOK = text("""
    SELECT s.id AS subscription_id, r.day, COALESCE(d.records, 0) AS used, 0 AS granted,
        s.records_per_day AS quota
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (subscription_id text, day date)
    JOIN exchange.subscription AS s ON s.id = r.subscription_id
    LEFT JOIN exchange.daily_use AS d ON d.subscription_id = s.id AND d.day = r.day
""")
GIVE_BACK = text("""
    WITH returned AS (
        SELECT d.subscription_id, d.day, r.records
        FROM exchange.daily_use AS d
        JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
            (subscription_id text, day date, records bigint)
            ON d.subscription_id = r.subscription_id AND d.day = r.day
        ORDER BY d.subscription_id, d.day
        FOR UPDATE OF d
    )
    UPDATE exchange.daily_use AS d SET records = GREATEST(0, d.records - returned.records)
    FROM returned WHERE d.subscription_id = returned.subscription_id AND d.day = returned.day
""")
ADD_DAILY = text("""
    INSERT INTO exchange.daily_use AS d (subscription_id, day, records)
    SELECT subscription_id, day, records
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
        (subscription_id text, day date, records bigint)
    ORDER BY subscription_id, day
    ON CONFLICT (subscription_id, day) DO UPDATE SET records = d.records + excluded.records
""")
ADD_ISSUED = text("""
    INSERT INTO exchange.issued_receipt (resource_id, client_id, department, at, digest, accepted)
    SELECT resource_id, client_id, department, to_timestamp(at), decode(digest, 'hex'), accepted
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
        (resource_id text, client_id text, department text, at float8, digest text, accepted text)
""")
BEGIN_FLUSH = text("""
    INSERT INTO exchange.count_flush AS f (worker, number, at, life, ended)
    VALUES (:worker, :number, :at, :life, false)
    ON CONFLICT (worker) DO UPDATE SET number = excluded.number, at = excluded.at,
        life = excluded.life, ended = false
    WHERE f.number < excluded.number
    RETURNING number
""")


async def begin_flush(
    session: WriteSession, worker: str, number: int, now: datetime, life: int | None
) -> bool:
    """Whether this flush of the worker was not stored before; a repeat waits for the first."""
    beginning = BEGIN_FLUSH.bindparams(worker=worker, number=number, at=now, life=life)
    return (await session.execute(beginning)).first() is not None


async def note_life(session: WriteSession, worker: str, life: int | None, *, ended: bool) -> None:
    """Write down that a worker which flushed before lives on, or has flushed for the last time."""
    same = col(CountFlush.worker) == worker
    await session.execute(update(CountFlush).where(same).values(life=life, ended=ended))


async def forget_flushes(session: WriteSession, now: datetime) -> None:
    """Forget workers that have not stored anything for so long that no flush is repeated."""
    before = now - timedelta(days=FLUSHES_DAYS)
    await session.execute(delete(CountFlush).where(col(CountFlush.at) < before))


async def add(
    session: WriteSession,
    publishes: Mapping[Key, tuple[Any, Any]],
    reads: Mapping[Key, tuple[Any, Any]],
) -> None:
    """Add counts to their minutes, and put each worker's evidence in its place.

    Keys are written in one order, so that writers never cross.
    """
    statements = (
        (ADD_PUBLISHES, publishes), (ADD_TOTALS, publishes), (ADD_READS, reads), (ADD_DAYS, reads),
    )  # fmt: skip
    for statement, counts in statements:
        if counts:
            await session.execute(statement.bindparams(rows=_rows(counts)))


def _rows(counts: Mapping[Key, tuple[Any, Any]]) -> str:
    rows = [
        {
            "subject": key[0], "client_id": key[1], "minute": key[2],
            "department": count.department, "times": count.times,
            "records": count.records, "bytes": count.bytes_, "evidence": evidence,
            "carried": count.carried,
        }
        for key, (count, evidence) in sorted(counts.items(), key=lambda each: each[0])
    ]  # fmt: skip
    return orjson.dumps(rows).decode()


async def add_daily(session: WriteSession, records: Mapping[DayOf, int]) -> None:
    """Add what left without a reservation to its days' use."""
    if records:
        await session.execute(ADD_DAILY.bindparams(rows=_days(records)))


async def add_issued(
    session: WriteSession, issued: Sequence[tuple[str, Principal, float, bytes, Accepted]]
) -> None:
    """Write down receipts, to be listed; some at a time, so that the loop has its turns."""
    for start in range(0, len(issued), ISSUED_AT_ONCE):
        rows = _issued_rows(issued[start : start + ISSUED_AT_ONCE])
        await session.execute(ADD_ISSUED.bindparams(rows=rows))


def _issued_rows(issued: Sequence[tuple[str, Principal, float, bytes, Accepted]]) -> str:
    rows = [
        {
            "resource_id": resource_id, "client_id": who.id, "department": who.department,
            "at": at, "digest": digest.hex(), "accepted": accepted.text(),
        }
        for resource_id, who, at, digest, accepted in issued
    ]  # fmt: skip
    return orjson.dumps(rows).decode()


async def reserve(connection: AsyncConnection, wishes: Mapping[DayOf, int]) -> dict[DayOf, Use]:
    """Add to each day's use what its quota has room for, at most what is wanted.

    What wants nothing is only looked at; a subscription that does not exist is left out.
    """
    uses: dict[DayOf, Use] = {}
    reserving = {of: records for of, records in wishes.items() if records}
    looking = {of: 0 for of in wishes if of not in reserving}
    for statement, days in ((RESERVE, reserving), (LOOK, looking)):
        if days:
            for row in await connection.execute(statement.bindparams(rows=_days(days))):
                of = DayOf(row.subscription_id, row.day)
                uses[of] = Use(row.used, row.granted, row.quota)
    return uses


async def give_back(connection: AsyncConnection, returned: Mapping[DayOf, int]) -> None:
    """Take from each day's use what was reserved and not handed on."""
    await connection.execute(GIVE_BACK.bindparams(rows=_days(returned)))


def _days(records: Mapping[DayOf, int]) -> str:
    rows = [
        {"subscription_id": of.subscription_id, "day": of.day, "records": count}
        for of, count in records.items()
    ]
    return orjson.dumps(rows).decode()


async def used_by(
    session: ReadSession, subscription_ids: Sequence[str], day: date
) -> dict[str, int]:
    uses = await session.exec(
        select(DailyUse).where(
            col(DailyUse.subscription_id).in_(subscription_ids), DailyUse.day == day
        )
    )
    return {use.subscription_id: use.records for use in uses}


async def published_totals(
    session: ReadSession, resource_ids: Collection[str]
) -> dict[str, tuple[int, datetime]]:
    """Return how many records were published to each resource, and when the last."""
    query = select(PublishedTotal).where(col(PublishedTotal.resource_id).in_(resource_ids))
    rows = (await session.exec(query)).all()
    return {row.resource_id: (row.records, row.last_published_at) for row in rows}


async def unsealed(
    session: WriteSession, table: type[PublishCount] | type[ReadCount], before: datetime
) -> Sequence[Any]:
    """Lock and return counts of minutes that are over."""
    query = (
        select(table)
        .where(~col(table.sealed), col(table.minute) < before)
        .order_by(col(table.minute))
        .limit(1000)
    )
    return (await session.exec(query.with_for_update(skip_locked=True))).all()


async def seal(session: WriteSession, rows: Sequence[PublishCount | ReadCount]) -> None:
    """Mark rows of one table that this session holds."""
    if not rows:
        return
    table = type(rows[0]).__table__  # type: ignore[union-attr]
    keys = [tuple(getattr(row, column.name) for column in table.primary_key) for row in rows]
    marking = update(table).where(tuple_(*table.primary_key).in_(keys)).values(sealed=True)
    await session.execute(marking)
