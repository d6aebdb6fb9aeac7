"""What was published to a resource, or left through a subscription, day by day (Asia/Shanghai)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import text

from kernel.database import ReadSession
from kernel.workdays import end_of_day

ONE_DAY: Final = timedelta(days=1)
_PUBLISHED = text("""
    SELECT (minute AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(batches), sum(records)
    FROM exchange.publish_count WHERE resource_id = :id AND minute >= :since
    GROUP BY day ORDER BY day
""")
_DELIVERED = text("""
    SELECT day, answers, records FROM exchange.delivered_day
    WHERE subscription_id = :id AND day >= :first ORDER BY day
""")


class Day(NamedTuple):
    """`times` are batches of a publisher, or answers that carried records."""

    day: date
    times: int
    records: int


async def published(session: ReadSession, resource_id: str, first: date) -> Sequence[Day]:
    """Return every day since the first on which something was published."""
    found = await session.execute(
        _PUBLISHED, {"id": resource_id, "since": end_of_day(first - ONE_DAY)}
    )
    return [Day(day, int(times), int(records)) for day, times, records in found]


async def delivered(session: ReadSession, subscription_id: str, first: date) -> Sequence[Day]:
    """Return every day since the first on which records left through the subscription."""
    found = await session.execute(_DELIVERED, {"id": subscription_id, "first": first})
    return [Day(*row) for row in found]


def every_day(found: Sequence[Day], first: date, last: date) -> Sequence[Day]:
    """Return each day of the time, those without anything too; pure."""
    known = {each.day: each for each in found}
    days = [first + ONE_DAY * number for number in range((last - first).days + 1)]
    return [known.get(day, Day(day, 0, 0)) for day in days]
