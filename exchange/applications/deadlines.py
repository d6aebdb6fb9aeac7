"""The legal clock of a reply: due dates, what is left, what is late (Order 809 Art 21–26); pure.

Days are working days in Asia/Shanghai; the day of receipt does not count (docs/adr/0011).
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from kernel.workdays import (
    NOTICE_UNTIL_YEAR,
    add_working_days,
    end_of_day,
    is_provisional,
    local_date,
    working_days_between,
)


class Clock(StrEnum):
    """Which reply deadline runs (Art 21)."""

    C3 = "C3"
    C4 = "C4"


@dataclass(frozen=True, slots=True)
class Limits:
    """Working days of C3, C4, C5, C6 and C7; they may be shortened only (Art 23)."""

    reply_unconditional: int = 1
    reply_conditional: int = 10
    extension: int = 10
    delivery: int = 20
    correction: int = 10

    def __post_init__(self) -> None:
        for limit in fields(self):
            if not 1 <= getattr(self, limit.name) <= limit.default:
                raise ValueError(f"{limit.name} must be 1 to {limit.default} working days (Art 23)")

    def reply(self, clock: Clock) -> int:
        return self.reply_unconditional if clock is Clock.C3 else self.reply_conditional


LEGAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Term:
    """What a due date rests on: so many working days after a day, by a calendar.

    `calendar` is the last year whose holiday notice was known. Kept beside the due date, it lets
    a later notice reckon the date anew.
    """

    start: date
    days: int
    calendar: int = NOTICE_UNTIL_YEAR

    @property
    def due_at(self) -> datetime:
        return _after(self.start, self.days)

    def extended(self, working_days: int) -> "Term":
        """Return the term with more days: they count on from its last one (C5)."""
        return Term(self.start, self.days + working_days)

    def columns(self) -> dict[str, object]:
        """Return the columns of an application that hold the due date and its basis."""
        return {
            "due_at": self.due_at,
            "due_from": self.start,
            "due_days": self.days,
            "due_calendar": self.calendar,
        }


def clock_for(share_type: str) -> Clock:
    """Return C3 for unconditional sharing, C4 for the rest."""
    return Clock.C3 if share_type == "unconditional" else Clock.C4


def reply_due(clock: Clock, received_at: datetime, limits: Limits = LEGAL) -> datetime:
    """Return the end of the last day on which the provider may reply (C3, C4)."""
    return _after(local_date(received_at), limits.reply(clock))


def reply_term(clock: Clock, received_at: datetime, limits: Limits = LEGAL) -> Term:
    return Term(local_date(received_at), limits.reply(clock))


def delivery_term(agreed_at: datetime, limits: Limits = LEGAL) -> Term:
    return Term(local_date(agreed_at), limits.delivery)


def term_of(start: date | None, days: int | None, due_at: datetime) -> Term:
    """Return the basis of a stored due date; of one older than bases, its last day itself."""
    return Term(last_day(due_at), 0) if start is None or days is None else Term(start, days)


def extended_due(due_at: datetime, working_days: int) -> datetime:
    """Return the end of the last day after an extension (C5)."""
    return _after(last_day(due_at), working_days)


def delivery_due(agreed_at: datetime, limits: Limits = LEGAL) -> datetime:
    """Return the end of the last day for the first delivery (C6)."""
    return _after(local_date(agreed_at), limits.delivery)


def correction_due(received_at: datetime, limits: Limits = LEGAL) -> datetime:
    """Return the end of the last day for answering a correction (C7)."""
    return _after(local_date(received_at), limits.correction)


def held_days(due_at: datetime, stopped_at: datetime) -> int | None:
    """Return the working days that wait while a supplement is awaited.

    At least one is kept, so that a supplement handed in at midnight is not late at once; None
    when the deadline had passed already: asking for material heals nothing.
    """
    if stopped_at >= due_at:
        return None
    return max(1, remaining_working_days(due_at, stopped_at))


def resumed_due(due_at: datetime, held: int | None, received_at: datetime) -> datetime:
    """Return the due moment once the supplement has arrived."""
    return due_at if held is None else _after(local_date(received_at), held)


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
    return not is_provisional(last_day(due_at), calendar or NOTICE_UNTIL_YEAR)


def _after(start: date, working_days: int) -> datetime:
    return end_of_day(add_working_days(start, working_days))
