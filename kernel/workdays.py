"""Working days (工作日) of the State Council's calendar; pure.

The yearly holiday notice fixes days off and make-up weekends. A year without a notice yet is
counted Monday to Friday, less the statutory holidays that have a fixed date. Its days are
provisional, and so are the last ones of the year before: the notice for New Year may move them
(29 to 31 December 2018, 31 December 2022).
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOTICE_UNTIL_YEAR: int = max(day.year for day in chinese_calendar.constants.holidays)
# 全国年节及纪念日放假办法 (State Council order 795): New Year, Labour Day, National Day.
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
SATURDAY = 5
# The first day of December that a notice for the next year may decide.
NEXT_NOTICE_FROM = (12, 26)


def is_provisional(day: date, notice_until: int = NOTICE_UNTIL_YEAR) -> bool:
    """Return whether a notice still to come may decide the day, as known up to a year's notice."""
    return (day.year, day.month, day.day) >= (notice_until, *NEXT_NOTICE_FROM)


def is_working_day(day: date) -> bool:
    if day.year > NOTICE_UNTIL_YEAR:
        return day.weekday() < SATURDAY and (day.month, day.day) not in FIXED_HOLIDAYS
    return bool(chinese_calendar.is_workday(day))


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
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    return sum(map(is_working_day, days))


def end_of_day(day: date) -> datetime:
    """Return the first moment after the day in Asia/Shanghai: dates are inclusive."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI)
