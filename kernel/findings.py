"""Since when something is wrong: what lookers found first, the same for all processes.

What is not found any more is forgotten; whoever finds it again later finds it anew.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import text

from kernel.database import WriteSession

_FORGET = text("DELETE FROM kernel.finding WHERE place = :place AND key <> ALL(:keys)")
_ADD = text("""
    INSERT INTO kernel.finding (place, key, since)
    SELECT :place, key, :now FROM unnest(CAST(:keys AS text[])) AS key
    ON CONFLICT (place, key) DO NOTHING
""")
_KNOWN = text("SELECT key, since FROM kernel.finding WHERE place = :place")


async def remember(
    session: WriteSession, place: str, keys: Collection[str], now: datetime
) -> Mapping[str, datetime]:
    """Return since when each key is found at a place, which is a node, or empty for all."""
    # In one order: two that look at once never wait for each other.
    ordered = sorted(set(keys))
    await session.execute(_FORGET.bindparams(place=place, keys=ordered))
    await session.execute(_ADD.bindparams(place=place, keys=ordered, now=now))
    known = await session.execute(_KNOWN.bindparams(place=place))
    return {row.key: row.since for row in known}
