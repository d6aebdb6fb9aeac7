"""工作日历: which days of a year are working days, and the authority's corrections of it (P7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from fastapi import APIRouter

from auth.regions.codes import REGION
from exchange import calendar
from exchange.calendar import DayKind, Notice, SpecialDay
from gateway.api.calendar import CalendarIn
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.visit import Visit
from kernel import calendar as kept
from kernel.errors import FieldError, Invalid, NotFound
from kernel.workdays import counting_by, is_working_day, local_date

router = APIRouter()
TEMPLATE: Final = "calendar.html"
ADDRESS: Final = "/console/calendar"
YEARS: Final = range(2005, 2099)
DAYS: Final = 7
MONTHS: Final = range(1, 13)
SATURDAY: Final = 5
# What people write of a day, and what it means.
KINDS: Final[Mapping[str, DayKind]] = {
    "休": DayKind.REST,
    "rest": DayKind.REST,
    "班": DayKind.WORK,
    "work": DayKind.WORK,
}


@dataclass(frozen=True, slots=True)
class Day:
    """`unusual` are days that are not what their weekday says."""

    date: date
    works: bool
    today: bool

    @property
    def unusual(self) -> bool:
        return self.works == (self.date.weekday() >= SATURDAY)


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks from Monday on; None stands beside the month's days."""

    number: int
    working_days: int
    weeks: Sequence[Sequence[Day | None]]


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """A year; `moved` tells, after a change, how many open deadlines fall on another day."""

    year: calendar.Year
    months: Sequence[Month]
    before: int | None
    after: int | None
    changes: bool
    corrected: str
    moved: Mapping[str, int] = field(default_factory=dict)


@page(router, ADDRESS, TEMPLATE)
async def shown(visit: Visit) -> CalendarPage:
    return await _shown(visit)


def _year(visit: Visit) -> int:
    """Return the year that is asked for, this one without; raises NotFound beyond what is kept."""
    text = visit.text("year") or visit.query("year") or str(local_date(visit.now).year)
    if not (text.isascii() and text.isdigit() and int(text) in YEARS):
        raise NotFound
    return int(text)


async def _shown(visit: Visit, moved: Mapping[str, int] | None = None) -> CalendarPage:
    number = _year(visit)
    async with visit.reading() as session:
        found = await calendar.read(session, number)
        known = await kept.read(session)
    with counting_by(known):
        shown_months = months(number, local_date(visit.now))
    days = {} if found.stored is None else found.stored.days
    return CalendarPage(
        year=found,
        months=shown_months,
        before=number - 1 if number - 1 in YEARS else None,
        after=number + 1 if number + 1 in YEARS else None,
        changes=visit.acting is None and visit.oversees(REGION),
        corrected="\n".join(
            f"{day} {'班' if works else '休'}" for day, works in sorted(days.items())
        ),
        moved=moved or {},
    )


def months(year: int, today: date) -> Sequence[Month]:
    """Return the months of a year by the calendar that is counted by; pure but for it."""
    return [_month(year, number, today) for number in MONTHS]


def _month(year: int, number: int, today: date) -> Month:
    first = date(year, number, 1)
    days = [first + timedelta(days=each) for each in range(31)]
    own = [Day(day, is_working_day(day), day == today) for day in days if day.month == number]
    cells: list[Day | None] = [*[None] * first.weekday(), *own]
    cells += [None] * (-len(cells) % DAYS)
    weeks = [cells[each : each + DAYS] for each in range(0, len(cells), DAYS)]
    return Month(number, sum(day.works for day in own), weeks)


async def change(visit: Visit) -> CalendarPage:
    """Correct or add the year, and show how many open deadlines have moved by it."""
    number = _year(visit)
    typed: dict[str, Any] = {"days": _days(visit.text("days") or "")}
    body = forms.body(CalendarIn, {**typed, **forms.present({"basis": visit.text("basis")})})
    known = forms.whole(visit.text("revision"))
    async with visit.writing() as session:
        moved = await calendar.change(
            session,
            visit.principal,
            Notice(number, [SpecialDay(day.date, day.kind) for day in body.days], body.basis),
            revision=known if isinstance(known, int) else None,
            now=visit.now,
        )
    return await _shown(visit, moved or {"": 0})


def _days(text: str) -> list[dict[str, str]]:
    """Return the days of lines like `2027-02-06 班`; raises Invalid for any other line; pure."""
    days = []
    for number, line in enumerate((each for each in text.splitlines() if each.strip()), 1):
        day, _, kind = line.strip().partition(" ")
        if kind.strip() not in KINDS:
            zh, en = f"第 {number} 行应为“日期 休”或“日期 班”", f"line {number} is no `day rest`"
            raise Invalid(errors=[FieldError("days", "pattern", zh, en)])
        days.append({"date": day, "kind": str(KINDS[kind.strip()])})
    return days


act(router, ADDRESS, shown, TEMPLATE)(change)
