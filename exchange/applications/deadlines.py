"""The legal clock of a reply: due dates, what is left, what is late (Order 809 Art 21–26); pure.

Days are working days in Asia/Shanghai; the day of receipt does not count (docs/adr/0011).
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from kernel.workdays import (
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


def clock_for(share_type: str) -> Clock:
    """Return C3 for unconditional sharing, C4 for the rest."""
    return Clock.C3 if share_type == "unconditional" else Clock.C4


def reply_due(clock: Clock, received_at: datetime, limits: Limits = LEGAL) -> datetime:
    """Return the end of the last day on which the provider may reply (C3, C4)."""
    return _after(local_date(received_at), limits.reply(clock))


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


def rests_on_notice(due_at: datetime) -> bool:
    """Whether the State Council's holiday notice for that year is known."""
    return not is_provisional(last_day(due_at))


def _after(start: date, working_days: int) -> datetime:
    return end_of_day(add_working_days(start, working_days))
