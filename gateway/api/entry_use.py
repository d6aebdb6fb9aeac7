"""What an answer about a resource tells of its records and of how requests are answered."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from catalog.visibility import Shown, serves
from exchange.quality.declare import newest
from exchange.stewardship import freshness
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire


class ReplyDaysView(Wire):
    """答复用时（工作日），近一年 / working days to a reply, of the last year."""

    median: float | None
    p90: int | None
    count: int


class MeasuredView(Wire):
    """各维度最近一次测得 / what the rules of a dimension found last, together."""

    dimension: str
    checked: int
    failed: int


class Use(Wire):
    """`records` were published in all, deletes among them; `timely` by the update cycle.

    `used_by` is how many departments have a running subscription.
    """

    records: int
    last_published_at: datetime | None
    timely: bool | None
    reply_days: ReplyDaysView
    used_by: int
    quality: list[MeasuredView]


async def of(session: ReadSession, several: Sequence[Shown]) -> list[dict[str, Any]]:
    """Return the fields of `Use` for each resource, all looked up at once."""
    now = clock.now()
    ids = [shown.resource.id for shown in several]
    found, measured = await freshness.of(session, ids, now), await newest(session, ids, now)
    return [
        _fields(found[shown.resource.id], shown, now)
        | {"quality": [asdict(each) for each in measured[shown.resource.id]]}
        for shown in several
    ]


def _fields(found: freshness.Freshness, shown: Shown, now: datetime) -> dict[str, Any]:
    last, cycle = found.last_published_at, shown.version.update_cycle
    return {
        "records": found.records,
        "last_published_at": last,
        "timely": freshness.is_timely(cycle, last, now) if serves(shown.resource) else None,
        "reply_days": asdict(found.reply_days),
        "used_by": found.used_by,
    }
