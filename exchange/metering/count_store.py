"""SQL of the counts: added to by every worker, sealed into the audit by one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import TextClause, text, tuple_
from sqlmodel import col, select, update

from exchange.publishing.tables import DailyUse, PublishCount, ReadCount
from kernel.database import ReadSession, WriteSession

Key = tuple[str, str, datetime]


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
ADD_DAILY = text("""
    INSERT INTO exchange.daily_use AS d (subscription_id, day, records)
    SELECT subscription_id, :day, records
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (subscription_id text, records bigint)
    ON CONFLICT (subscription_id, day) DO UPDATE SET records = d.records + excluded.records
    RETURNING subscription_id, records
""")


async def add(
    session: WriteSession,
    publishes: Mapping[Key, tuple[Any, Any]],
    reads: Mapping[Key, tuple[Any, Any]],
) -> None:
    """Add counts to their minutes, and put each worker's evidence in its place.

    Keys are written in one order, so that writers never cross.
    """
    for statement, counts in ((ADD_PUBLISHES, publishes), (ADD_READS, reads)):
        if counts:
            await session.execute(statement.bindparams(rows=_rows(counts)))


def _rows(counts: Mapping[Key, tuple[Any, Any]]) -> str:
    rows = [
        {
            "subject": key[0], "client_id": key[1], "minute": key[2],
            "department": count.department, "times": count.times,
            "records": count.records, "bytes": count.bytes_, "evidence": evidence,
        }
        for key, (count, evidence) in sorted(counts.items(), key=lambda each: each[0])
    ]  # fmt: skip
    return orjson.dumps(rows).decode()


async def add_daily(session: WriteSession, day: date, records: Mapping[str, int]) -> dict[str, int]:
    """Add to the day's use and return the totals of all workers."""
    if not records:
        return {}
    rows = [
        {"subscription_id": subscription, "records": count}
        for subscription, count in sorted(records.items())
    ]
    adding = ADD_DAILY.bindparams(day=day, rows=orjson.dumps(rows).decode())
    return {row.subscription_id: row.records for row in await session.execute(adding)}


async def used_on(session: ReadSession, subscription_id: str, day: date) -> int:
    use = await session.get(DailyUse, (subscription_id, day))
    return use.records if use else 0


async def used_by(
    session: ReadSession, subscription_ids: Sequence[str], day: date
) -> dict[str, int]:
    uses = await session.exec(
        select(DailyUse).where(
            col(DailyUse.subscription_id).in_(subscription_ids), DailyUse.day == day
        )
    )
    return {use.subscription_id: use.records for use in uses}


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
