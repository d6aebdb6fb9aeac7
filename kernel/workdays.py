"""Working days (工作日) of the State Council's calendar; pure.

The yearly holiday notice fixes days off and make-up weekends. A year without a notice yet is
provisional: Monday to Friday, less the statutory holidays that have a fixed date.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOTICE_UNTIL_YEAR: int = max(day.year for day in chinese_calendar.constants.holidays)
# 全国年节及纪念日放假办法 (State Council order 795): New Year, Labour Day, National Day.
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
SATURDAY = 5


def is_provisional(day: date) -> bool:
    """Return whether no holiday notice covers the day yet."""
    return day.year > NOTICE_UNTIL_YEAR


def is_working_day(day: date) -> bool:
    if is_provisional(day):
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
