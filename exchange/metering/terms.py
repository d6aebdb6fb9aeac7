"""How long counts are kept once their minutes are sealed: their sums stand in the audit."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col

from exchange.metering.tables import DailyUse, PublishCount, ReadCount
from kernel import batches
from kernel.database import WriteSession

# Long enough that a count which comes late, after hours without a database, finds its minute.
KEPT_DAYS = 7


async def forget_counts(session: WriteSession, now: datetime) -> int:
    """Delete sealed counts and days of quota past their term; return how many of the largest."""
    before = now - timedelta(days=KEPT_DAYS)
    return max(
        [
            await batches.delete_some(session, PublishCount, *_sealed(PublishCount, before)),
            await batches.delete_some(session, ReadCount, *_sealed(ReadCount, before)),
            await batches.delete_some(session, DailyUse, col(DailyUse.day) < before.date()),
        ]
    )


def _sealed(
    table: type[PublishCount] | type[ReadCount], before: datetime
) -> tuple[ColumnElement[bool], ...]:
    return col(table.sealed).is_(True), col(table.minute) < before
