"""Partitions of the audit log by month: made ahead, taken off when archived (ADR 0028).

An event's month is that of its time, but never one before that of the event before it in its chain:
a chain's months follow one another, and those that are over get no more events.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from kernel.audit import month_of

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

MONTHS_AHEAD: Final = 12
"""So long decisions go on although no worker has made a month."""
MONTHS_A_YEAR: Final = 12
_PARTITIONS: Final = text(
    "SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound"
    " FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'kernel.audit_event'::regclass"
)
_END: Final = re.compile(r"TO \('?(\d{6})'?\)$")
_GUARD: Final = (
    "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kernel.{table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION kernel.refuse_change()"
)


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """A table of months; `end` is the first month after it."""

    end: int
    name: str


def following(month: int) -> int:
    """Return the month after one, both as 202612."""
    return month + 1 if month % 100 < MONTHS_A_YEAR else month + 100 - MONTHS_A_YEAR + 1


async def partitions(session: "AsyncSession") -> list[Partition]:
    """Return the partitions that there are, the oldest first."""
    rows = (await session.execute(_PARTITIONS)).all()
    ends = [(row.name, _END.search(row.bound)) for row in rows]
    return sorted(Partition(int(end[1]), name) for name, end in ends if end)


async def make_ahead(session: "AsyncSession", now: datetime) -> int:
    """Make the months to come that are missing; return how many."""
    last = max(partition.end for partition in await partitions(session))
    month = month_of(now)
    for _month in range(MONTHS_AHEAD):
        month = following(month)
    created = 0
    while last <= month:
        table, begin, last = f"audit_event_{last}", last, following(last)
        # Attached, a table asks for no lock that writers would wait for.
        await session.execute(
            text(f"CREATE TABLE kernel.{table} (LIKE kernel.audit_event INCLUDING ALL)")
        )
        await session.execute(text(_GUARD.format(table=table)))
        await session.execute(
            text(
                f"ALTER TABLE kernel.audit_event ATTACH PARTITION kernel.{table}"
                f" FOR VALUES FROM ({begin}) TO ({last})"
            )
        )
        created += 1
    return created


async def remove(session: "AsyncSession", partition: Partition) -> None:
    """Take a partition off the log for good: its events were archived."""
    await session.execute(
        text(f"ALTER TABLE kernel.audit_event DETACH PARTITION kernel.{partition.name}")
    )
    await session.execute(text(f"DROP TABLE kernel.{partition.name}"))
