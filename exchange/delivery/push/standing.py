"""How many receivers are pushed to, and which batches they did not take, for operators."""

from typing import NamedTuple

from sqlalchemy import text

from kernel.database import ReadSession

STANDING = text("""
    SELECT e.active, e.paused, count(d.id),
        COALESCE(extract(epoch FROM clock_timestamp() - min(d.begun_at)), 0), e.unheld, e.holders
    FROM (
        SELECT count(*) FILTER (WHERE status = 'active') AS active,
            count(*) FILTER (WHERE status = 'paused') AS paused,
            count(*) FILTER (WHERE status = 'active'
                AND (leased_until IS NULL OR leased_until < clock_timestamp())) AS unheld,
            count(DISTINCT holder) FILTER (WHERE leased_until >= clock_timestamp()) AS holders
        FROM exchange.push_endpoint
    ) AS e
    LEFT JOIN (exchange.push_lane AS l JOIN exchange.push_delivery AS d
        ON d.id = l.delivery_id AND d.status = 'waiting') ON true
    GROUP BY e.active, e.paused, e.unheld, e.holders
""")


class Pushing(NamedTuple):
    """`retrying` batches were not taken yet; `oldest_seconds` is since the first try of one.

    Nobody pushes to the `unheld` of the active ones; `holders` is how many workers push.
    """

    active: int = 0
    paused: int = 0
    retrying: int = 0
    oldest_seconds: float = 0.0
    unheld: int = 0
    holders: int = 0


async def standing(session: ReadSession) -> Pushing:
    row = (await session.execute(STANDING)).one()
    active, paused, retrying, oldest, unheld, holders = row
    return Pushing(active, paused, retrying, max(0.0, float(oldest)), unheld, holders)
