"""What checks come to by day and department, where entries have changed hands or division."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import text

from kernel.database import WriteSession

_LOCKED: Final = text("LOCK TABLE exchange.quality_sum IN SHARE ROW EXCLUSIVE MODE")
_GONE: Final = text("DELETE FROM exchange.quality_sum WHERE department = ANY(:departments)")
# As the triggers of migration 0071 add them up.
_ADDED: Final = text("""
    INSERT INTO exchange.quality_sum
        (day, department, region_code, entry_days, timely_days, checks, passed)
    SELECT q.day, r.department, r.region_code,
        coalesce(sum(q.checked) FILTER (WHERE q.rule = 'update_cycle'), 0),
        coalesce(sum(q.checked) FILTER (WHERE q.rule = 'update_cycle' AND q.failed = 0), 0),
        count(*) FILTER (WHERE q.checked > 0 AND q.rule <> 'reads'),
        count(*) FILTER (WHERE q.checked > 0 AND q.rule <> 'reads' AND q.failed = 0)
    FROM exchange.quality_check q JOIN catalog.resource r ON r.id = q.resource_id
    WHERE r.department = ANY(:departments)
    GROUP BY 1, 2, 3
""")


async def again(session: WriteSession, departments: Collection[str]) -> None:
    """Add up anew what the departments have, in the transaction that gave them entries."""
    whose = {"departments": sorted(departments)}
    await session.execute(_LOCKED)
    await session.execute(_GONE, whose)
    await session.execute(_ADDED, whose)
