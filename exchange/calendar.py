"""A year of the calendar is corrected or added, and open deadlines are reckoned anew (P7)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from auth.principal import Principal
from auth.regions.codes import REGION
from exchange.applications import clockwork
from exchange.corrections import clockwork as corrections
from exchange.disputes import clockwork as disputes
from exchange.events import ExchangeEvent
from exchange.stewardship import catalogue_clock
from kernel import audit, calendar, locks
from kernel.calendar_tables import CalendarYear
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, FieldErrors, PreconditionRequired, Stale
from kernel.workdays import NOTICE_UNTIL_YEAR, counting_by, is_provisional

__all__ = ["DayKind", "Notice", "SpecialDay", "Year", "change", "read", "settle"]

# Deadlines that began elsewhere while a year was being changed are reckoned for so long.
SETTLING: Final = timedelta(minutes=5)


class DayKind(StrEnum):
    WORK = "work"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that is not what its weekday, or the notice that the release knows, says."""

    date: date
    kind: DayKind


@dataclass(frozen=True, slots=True)
class Notice:
    """What a holiday notice, named in `basis`, says of a year."""

    year: int
    days: Sequence[SpecialDay]
    basis: str


@dataclass(frozen=True, slots=True)
class Year:
    """`stored` is what was corrected or added; `known` says whether there is a notice at all."""

    year: int
    stored: CalendarYear | None
    known: bool
    provisional_from: date | None


async def read(session: ReadSession, year: int) -> Year:
    """Return a year of the calendar, and from which of its days on a notice is still to come."""
    known = await calendar.read(session)
    with counting_by(known):
        days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
        open_ = next((day for day in days if day.year == year and is_provisional(day)), None)
    has_notice = year <= NOTICE_UNTIL_YEAR or year in known.years
    return Year(year, await calendar.year_of(session, year), has_notice, open_)


async def change(
    session: WriteSession,
    principal: Principal,
    notice: Notice,
    *,
    revision: int | None,
    anyhow: bool = False,
    now: datetime,
) -> Mapping[str, int]:
    """Correct or add a year, and reckon open deadlines anew; return how many moved of each kind.

    Raises 403 errors, Invalid, and PreconditionRequired or Stale of a year that was changed before.
    """
    principal.require_authority(REGION)
    year, days = notice.year, notice.days
    FieldErrors([*_errors(notice)]).raise_if_any()
    await locks.hold(session, locks.Lock.CALENDAR)
    before = await calendar.year_of(session, year)
    if before is not None and revision is None and not anyhow:
        raise PreconditionRequired
    if before is None and revision is not None:
        raise Stale
    new = CalendarYear(
        year=year,
        revision=1,
        days={day.date.isoformat(): day.kind is DayKind.WORK for day in days},
        basis=notice.basis,
        changed_by=principal.id,
        changed_at=now,
    )
    written = await calendar.write(session, new, revision)
    if written is None:
        raise Stale
    moved = await _reckon(session, now)
    facts = {"revision": written, "days": len(days), "basis": notice.basis, "moved": dict(moved)}
    event = ExchangeEvent.CALENDAR_CHANGED
    audit.record(session, principal.actor, event, "calendar", str(year), **facts)
    await announce(session, calendar.KIND, str(year))
    return moved


def _errors(notice: Notice) -> Iterator[FieldError]:
    year, count = notice.year, Counter(day.date for day in notice.days)
    for place, day in enumerate(notice.days):
        path = f"days[{place}].date"
        if day.date.year != year:
            yield FieldError(path, "out_of_range", f"不在 {year} 年", f"is not a day of {year}")
        elif count[day.date] > 1:
            yield FieldError(path, "duplicate", "日期重复", "is named twice")


async def _reckon(session: WriteSession, now: datetime) -> Mapping[str, int]:
    """Reckon by what this transaction sees, which is not in force before it is committed."""
    with counting_by(await calendar.read(session)):
        moved = await clockwork.reckon_open(session, now)
        entries = await catalogue_clock.reckon_open(session)
        appeals = await disputes.reckon_open(session, now)
        raised = await corrections.reckon_open(session, now)
    return {**moved, "resource": entries, "dispute": appeals, "correction": raised}


async def settle(session: WriteSession, now: datetime) -> None:
    """Reckon once more what began under the old calendar while a year was being changed.

    Not beside another change: what is read here must still hold when deadlines are written.
    """
    await locks.hold(session, locks.Lock.CALENDAR)
    if await calendar.changed_since(session, now - SETTLING):
        await _reckon(session, now)
