"""SQL of the counts: added to by every worker, sealed into the audit by one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from exchange.publishing.tables import DailyUse, PublishCount, ReadCount
from kernel.database import ReadSession, WriteSession

Key = tuple[str, str, datetime]


async def add(
    session: WriteSession,
    publishes: Mapping[Key, tuple[Any, Any]],
    reads: Mapping[Key, tuple[Any, Any]],
) -> None:
    """Add counts to their minutes, and put each worker's evidence in its place.

    Keys are written in one order, so that writers never cross.
    """
    if publishes:
        await session.execute(_adding(PublishCount, "resource_id", "batches", publishes))
    if reads:
        await session.execute(_adding(ReadCount, "subscription_id", "pages", reads))


def _adding(
    table: type[PublishCount] | type[ReadCount],
    subject: str,
    times: str,
    counts: Mapping[Key, tuple[Any, Any]],
) -> Any:  # noqa: ANN401 - SQLAlchemy's own type
    rows = [
        {
            subject: key[0], "client_id": key[1], "minute": key[2], "sealed": False,
            "department": count.department, times: count.times,
            "records": count.records, "bytes": count.bytes_, "evidence": evidence,
        }
        for key, (count, evidence) in sorted(counts.items(), key=lambda each: each[0])
    ]  # fmt: skip
    statement = insert(table.__table__).values(rows)  # type: ignore[union-attr]
    new = statement.excluded
    columns = table.__table__.c  # type: ignore[union-attr]
    return statement.on_conflict_do_update(
        index_elements=[subject, "client_id", "minute"],
        # Counts that come late open a sealed minute again: it is then sealed with its new sums.
        set_={name: columns[name] + new[name] for name in (times, "records", "bytes")}
        | {"evidence": columns.evidence.concat(new.evidence), "sealed": False},
    )


async def add_daily(session: WriteSession, day: date, records: Mapping[str, int]) -> dict[str, int]:
    """Add to the day's use and return the totals of all workers."""
    if not records:
        return {}
    rows = [
        {"subscription_id": subscription, "day": day, "records": count}
        for subscription, count in sorted(records.items())
    ]
    statement = insert(DailyUse).values(rows)
    adding = statement.on_conflict_do_update(
        index_elements=["subscription_id", "day"],
        set_={"records": DailyUse.records + statement.excluded.records},
    ).returning(col(DailyUse.subscription_id), col(DailyUse.records))
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


async def seal(session: WriteSession, row: PublishCount | ReadCount) -> None:
    table = type(row)
    keys = [column == getattr(row, column.name) for column in table.__table__.primary_key]  # type: ignore[union-attr]
    await session.execute(update(table).where(*keys).values(sealed=True))
