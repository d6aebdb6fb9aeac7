"""Terms of working days in Asia/Shanghai: due dates, what is left, what is late; pure.

The day that a term starts on does not count (docs/adr/0011).
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from kernel.workdays import (
    add_working_days,
    end_of_day,
    is_provisional,
    local_date,
    notice_until,
    working_days_between,
)


@dataclass(frozen=True, slots=True)
class Term:
    """What a due date rests on: so many working days after a day, by a calendar.

    `calendar` is the last year whose holiday notice was known. Kept beside the due date, it lets
    a later notice reckon the date anew.
    """

    start: date
    days: int
    calendar: int = field(default_factory=notice_until)

    @property
    def due_at(self) -> datetime:
        return after(self.start, self.days)

    def extended(self, working_days: int) -> "Term":
        """Return the term with more days: they count on from its last one (C5)."""
        return Term(self.start, self.days + working_days)

    def columns(self) -> dict[str, Any]:
        """Return the columns that hold the due date and its basis."""
        return {
            "due_at": self.due_at,
            "due_from": self.start,
            "due_days": self.days,
            "due_calendar": self.calendar,
        }


def term_of(start: date | None, days: int | None, due_at: datetime) -> Term:
    """Return the basis of a stored due date; of one older than bases, its last day itself."""
    return Term(last_day(due_at), 0) if start is None or days is None else Term(start, days)


def held_days(due_at: datetime, stopped_at: datetime) -> int | None:
    """Return the working days that wait while somebody else has the turn.

    At least one is kept, so that what comes back at midnight is not late at once; None when the
    deadline had passed already: handing over heals nothing.
    """
    if stopped_at >= due_at:
        return None
    return max(1, remaining_working_days(due_at, stopped_at))


def resumed_due(due_at: datetime, held: int | None, received_at: datetime) -> datetime:
    """Return the due moment once the turn has come back."""
    return due_at if held is None else after(local_date(received_at), held)


def last_day(due_at: datetime) -> date:
    """Return the day at whose end the deadline falls."""
    return local_date(due_at - timedelta(microseconds=1))


def remaining_working_days(due_at: datetime, now: datetime) -> int:
    """Return the working days left after today: 0 on the last day, negative when late."""
    between = working_days_between(local_date(now), last_day(due_at))
    return min(between, -1) if now >= due_at else between


def is_breached(due_at: datetime, now: datetime, answered_at: datetime | None = None) -> bool:
    """Whether the answer came, or still has not come, after the last day."""
    return (answered_at or now) >= due_at


def rests_on_notice(due_at: datetime, calendar: int | None = None) -> bool:
    """Whether every notice that may decide the last day was known when it was reckoned."""
    return not is_provisional(last_day(due_at), calendar)


def after(start: date, working_days: int) -> datetime:
    """Return the end of the last of so many working days after a day."""
    return end_of_day(add_working_days(start, working_days))
