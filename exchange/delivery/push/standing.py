"""How many receivers are pushed to, and which batches they did not take, for operators."""

from typing import NamedTuple

from sqlalchemy import text

from kernel.database import ReadSession

STANDING = text("""
    SELECT e.active, e.paused, count(d.id),
        COALESCE(extract(epoch FROM clock_timestamp() - min(d.begun_at)), 0)
    FROM (
        SELECT count(*) FILTER (WHERE status = 'active') AS active,
            count(*) FILTER (WHERE status = 'paused') AS paused
        FROM exchange.push_endpoint
    ) AS e
    LEFT JOIN (exchange.push_lane AS l JOIN exchange.push_delivery AS d
        ON d.id = l.delivery_id AND d.status = 'waiting') ON true
    GROUP BY e.active, e.paused
""")


class Pushing(NamedTuple):
    """`retrying` batches were not taken yet; `oldest_seconds` is since the first try of one."""

    active: int = 0
    paused: int = 0
    retrying: int = 0
    oldest_seconds: float = 0.0


async def standing(session: ReadSession) -> Pushing:
    active, paused, retrying, oldest = (await session.execute(STANDING)).one()
    return Pushing(active, paused, retrying, max(0.0, float(oldest)))
