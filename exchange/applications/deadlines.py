"""The legal clock of a reply: which one runs, and how long (Order 809 Art 21–26); pure."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Final

from kernel.terms import (
    Term,
    after,
    held_days,
    is_breached,
    last_day,
    remaining_working_days,
    rests_on_notice,
    resumed_due,
    term_of,
)
from kernel.workdays import local_date

__all__ = [
    "LEGAL",
    "Clock",
    "Limits",
    "Term",
    "clock_for",
    "correction_due",
    "delivery_due",
    "delivery_term",
    "extended_due",
    "held_days",
    "is_breached",
    "last_day",
    "remaining_working_days",
    "reply_due",
    "reply_term",
    "rests_on_notice",
    "resumed_due",
    "term_of",
]


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
    return reply_term(clock, received_at, limits).due_at


def reply_term(clock: Clock, received_at: datetime, limits: Limits = LEGAL) -> Term:
    return Term(local_date(received_at), limits.reply(clock))


def delivery_term(agreed_at: datetime, limits: Limits = LEGAL) -> Term:
    return Term(local_date(agreed_at), limits.delivery)


def extended_due(due_at: datetime, working_days: int) -> datetime:
    """Return the end of the last day after an extension (C5)."""
    return after(last_day(due_at), working_days)


def delivery_due(agreed_at: datetime, limits: Limits = LEGAL) -> datetime:
    """Return the end of the last day for the first delivery (C6)."""
    return delivery_term(agreed_at, limits).due_at


def correction_due(received_at: datetime, limits: Limits = LEGAL) -> datetime:
    """Return the end of the last day for answering a correction (C7)."""
    return Term(local_date(received_at), limits.correction).due_at
