"""Working days (工作日) of the State Council's calendar; pure but for which calendar is in force.

The yearly holiday notice fixes days off and make-up weekends. The release knows those of the years
up to its own; an authority may correct one, or add a later one (`kernel/calendar.py`). A year
without a notice yet is counted Monday to Friday, less the statutory holidays that have a fixed
date. Its days are provisional, and so are the last ones of the year before: the notice for New Year
may move them (29 to 31 December 2018, 31 December 2022).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
# The last year whose notice the release knows.
NOTICE_UNTIL_YEAR: int = max(day.year for day in chinese_calendar.constants.holidays)
# 全国年节及纪念日放假办法 (State Council order 795): New Year, Labour Day, National Day.
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
SATURDAY = 5
# The first day of December that a notice for the next year may decide.
NEXT_NOTICE_FROM = (12, 26)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The notices that are known: those of the release, and `years` that say otherwise.

    A year maps days to whether people work on them; other days of it are as without.
    """

    years: Mapping[int, Mapping[date, bool]] = field(default_factory=dict)
    # Of each year that was asked about: how many working days it has up to each of its days.
    _counted: dict[int, list[int]] = field(default_factory=dict, compare=False, repr=False)

    def working_days_to(self, day: date) -> int:
        """Return how many days of its year, up to this one and with it, are working days."""
        counted = self._counted.get(day.year)
        if counted is None:
            first, last = date(day.year, 1, 1), date(day.year, 12, 31)
            days = (first + timedelta(days=n) for n in range((last - first).days + 1))
            counted = self._counted[day.year] = list(accumulate(map(self.is_working_day, days)))
        return counted[day.timetuple().tm_yday - 1]

    @property
    def notice_until(self) -> int:
        """Return the last year up to which every notice is known."""
        year = NOTICE_UNTIL_YEAR
        while year + 1 in self.years:
            year += 1
        return year

    def is_working_day(self, day: date) -> bool:
        said = self.years.get(day.year, {}).get(day)
        if said is not None:
            return said
        if day.year > NOTICE_UNTIL_YEAR:
            return day.weekday() < SATURDAY and (day.month, day.day) not in FIXED_HOLIDAYS
        return bool(chinese_calendar.is_workday(day))


class _InForce:
    """The calendar of this process; `tried` is that of one task alone."""

    calendar = Calendar()
    tried: ContextVar[Calendar | None] = ContextVar("tried_calendar", default=None)


def in_force() -> Calendar:
    return _InForce.tried.get() or _InForce.calendar


def adopt(calendar: Calendar) -> None:
    """Let this process count by the calendar from now on."""
    _InForce.calendar = calendar


@contextmanager
def counting_by(calendar: Calendar) -> Iterator[None]:
    """Let the task count by a calendar that is not in force yet."""
    token = _InForce.tried.set(calendar)
    try:
        yield
    finally:
        _InForce.tried.reset(token)


def notice_until() -> int:
    """Return the last year up to which every notice is known."""
    return in_force().notice_until


def is_provisional(day: date, until: int | None = None) -> bool:
    """Return whether a notice still to come may decide the day, as known up to a year's notice."""
    known = notice_until() if until is None else until
    return (day.year, day.month, day.day) >= (known, *NEXT_NOTICE_FROM)


def is_working_day(day: date) -> bool:
    return in_force().is_working_day(day)


def local_date(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()


def add_working_days(start: date, days: int) -> date:
    """Return the `days`-th working day after `start`; the start itself does not count."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return day


def working_days_between(start: date, end: date) -> int:
    """Return how many working days lie in (start, end]; negative when `end` is before `start`."""
    if end < start:
        return -working_days_between(end, start)
    counted = in_force().working_days_to
    whole = sum(counted(date(year, 12, 31)) for year in range(start.year, end.year))
    return whole - counted(start) + counted(end)


def end_of_day(day: date) -> datetime:
    """Return the first moment after the day in Asia/Shanghai: dates are inclusive."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI)
