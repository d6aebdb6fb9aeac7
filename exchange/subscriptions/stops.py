"""Stops: when delivery of a subscription was stopped, and when its last byte left (P3).

A decision that stops delivery notes the workers that live at that moment. Each of them reports,
when it hears of the decision, when it last let something leave; one that has died since lets
nothing leave either. Until all have reported or died, nobody can say when the last byte left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, delete, select

from exchange.subscriptions.tables import SubscriptionStop
from kernel import locks
from kernel.database import ReadSession, WriteSession

REPORT = text("""
    UPDATE exchange.subscription_stop AS s
    SET reports = s.reports || jsonb_build_object(CAST(:life AS text), r.last)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (subscription_id text, last double precision)
    WHERE s.subscription_id = r.subscription_id AND NOT s.reports ? CAST(:life AS text)
""")


@dataclass(frozen=True, slots=True)
class Stopped:
    """`last_byte_ms` is how long after the decision the last byte left, on the slowest worker.

    None until all workers that lived at the decision have reported, or have died.
    """

    at: datetime
    last_byte_ms: int | None


async def begin(session: WriteSession, subscription_id: str, now: datetime) -> None:
    """Note the stop in the transaction that decides it, in place of an earlier one."""
    values = {"at": now, "lives": await locks.held_keys(session, locks.Lock.LIFE), "reports": {}}
    stop = insert(SubscriptionStop).values(subscription_id=subscription_id, **values)
    await session.execute(
        stop.on_conflict_do_update(index_elements=["subscription_id"], set_=values)
    )


async def end(session: WriteSession, subscription_id: str) -> None:
    """Forget the stop of a subscription that goes on."""
    same = col(SubscriptionStop.subscription_id) == subscription_id
    await session.execute(delete(SubscriptionStop).where(same))


async def report(
    connection: AsyncConnection, life: int, last_left: Mapping[str, float | None]
) -> None:
    """Say for each subscription when a worker last let something leave, in seconds since 1970.

    Nothing happens where there is no stop, or the worker has reported.
    """
    rows = [{"subscription_id": id_, "last": last} for id_, last in sorted(last_left.items())]
    await connection.execute(REPORT.bindparams(life=life, rows=orjson.dumps(rows).decode()))


async def stopped(session: ReadSession, subscription_ids: Sequence[str]) -> dict[str, Stopped]:
    """Return the stops of those that are stopped."""
    is_asked_for = col(SubscriptionStop.subscription_id).in_(subscription_ids)
    rows = (await session.exec(select(SubscriptionStop).where(is_asked_for))).all()
    if not rows:
        return {}
    living = set(await locks.held_keys(session, locks.Lock.LIFE))
    return {row.subscription_id: _told(row, living) for row in rows}


def _told(stop: SubscriptionStop, living: set[int]) -> Stopped:
    missing = {life for life in stop.lives if str(life) not in stop.reports} & living
    if missing:
        return Stopped(stop.at, None)
    begun = stop.at.timestamp()
    late = [last - begun for last in stop.reports.values() if last is not None]
    return Stopped(stop.at, round(max([0.0, *late]) * 1000))
