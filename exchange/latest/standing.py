"""How far the folds of all resources are behind their logs, for operators."""

from typing import NamedTuple

from sqlalchemy import text

from kernel.database import ReadSession

STANDING = text("""
    SELECT count(*),
        count(*) FILTER (WHERE leased_until IS NULL OR leased_until < clock_timestamp()),
        COALESCE(extract(epoch FROM clock_timestamp() - min(COALESCE(as_of, began_at))), 0),
        count(DISTINCT holder) FILTER (WHERE leased_until >= clock_timestamp())
    FROM exchange.fold WHERE current
""")


class Folding(NamedTuple):
    """`unheld`: no living worker folds them; `lag_seconds` is that of the slowest.

    `holders` is how many workers fold.
    """

    partitions: int = 0
    unheld: int = 0
    lag_seconds: float = 0.0
    holders: int = 0


async def standing(session: ReadSession) -> Folding:
    partitions, unheld, lag, holders = (await session.execute(STANDING)).one()
    return Folding(partitions, unheld, max(0.0, float(lag)), holders)
