"""How alive a resource is: what was published, whether in time, how fast requests are answered."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from math import ceil
from typing import Final

from catalog.entries import UpdateCycle
from exchange.applications import store as applications
from exchange.metering import count_store
from exchange.subscriptions import store as subscriptions
from kernel.database import ReadSession
from kernel.workdays import local_date, working_days_between

DAY: Final = timedelta(days=1)
# The longest that a cycle may take by the calendar, and a day more; realtime means an hour.
WITHIN: Final[Mapping[UpdateCycle, timedelta]] = {
    UpdateCycle.REALTIME: timedelta(hours=1),
    UpdateCycle.DAILY: DAY + DAY,
    UpdateCycle.WEEKLY: 7 * DAY + DAY,
    UpdateCycle.MONTHLY: 31 * DAY + DAY,
    UpdateCycle.QUARTERLY: 92 * DAY + DAY,
    UpdateCycle.HALF_YEARLY: 184 * DAY + DAY,
    UpdateCycle.YEARLY: 366 * DAY + DAY,
}
# Replies that say how fast a provider answers: those of the last year.
REPLIES_SINCE: Final = timedelta(days=365)
P90: Final = 0.9


@dataclass(frozen=True, slots=True)
class ReplyDays:
    """Working days from signature to reply; None where nobody was answered."""

    median: float | None
    p90: int | None
    count: int


NO_REPLY: Final = ReplyDays(None, None, 0)


@dataclass(frozen=True, slots=True)
class Freshness:
    records: int = 0
    last_published_at: datetime | None = None
    reply_days: ReplyDays = NO_REPLY
    used_by: int = 0


async def of(
    session: ReadSession, resource_ids: Collection[str], now: datetime
) -> Mapping[str, Freshness]:
    """Return what is known of each resource; what was never published has no records."""
    totals = await count_store.published_totals(session, resource_ids)
    users = await subscriptions.users(session, resource_ids, local_date(now))
    replies: dict[str, Counter[tuple[date, date]]] = {id_: Counter() for id_ in resource_ids}
    since = now - REPLIES_SINCE
    for id_, signed, decided, count in await applications.replies(session, resource_ids, since):
        replies[id_][signed, decided] += count
    found = {}
    for id_ in resource_ids:
        records, last = totals.get(id_, (0, None))
        found[id_] = Freshness(records, last, reply_days(replies[id_]), users.get(id_, 0))
    return found


def is_timely(update_cycle: str, last_published_at: datetime | None, now: datetime) -> bool | None:
    """Whether the last publish lies within the cycle and a day; None for what has no cycle."""
    within = WITHIN.get(UpdateCycle(update_cycle))
    if within is None:
        return None
    return last_published_at is not None and now - last_published_at <= within


def reply_days(replies: Mapping[tuple[date, date], int]) -> ReplyDays:
    """Return median and 90th percentile (nearest rank) of days of signature and reply."""
    by_days: Counter[int] = Counter()
    for (signed, decided), count in replies.items():
        by_days[max(0, working_days_between(signed, decided))] += count
    count = by_days.total()
    if not count:
        return NO_REPLY
    lower, upper = _rank(by_days, ceil(count / 2)), _rank(by_days, count // 2 + 1)
    return ReplyDays((lower + upper) / 2, _rank(by_days, ceil(count * P90)), count)


def _rank(by_days: Mapping[int, int], rank: int) -> int:
    """Return the `rank`-th smallest, counted from one."""
    days = sorted(by_days)
    reached = accumulate(by_days[each] for each in days)
    return next(each for each, until in zip(days, reached, strict=True) if until >= rank)
