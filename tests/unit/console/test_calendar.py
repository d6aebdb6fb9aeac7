"""The calendar as people look at it: weeks from Monday on, and days that are not as usual."""

from datetime import date

from gateway.console.calendar import months


def test_months_hold_each_day_once_under_its_weekday() -> None:
    year = months(2026, date(2026, 10, 1))
    assert [month.number for month in year] == list(range(1, 13))
    for month in year:
        days = [day for week in month.weeks for day in week if day]
        assert [day.date.day for day in days] == list(range(1, len(days) + 1))
        assert all(day is None or day.date.weekday() == n for week in month.weeks
                   for n, day in enumerate(week))  # fmt: skip
    assert sum(len([d for w in month.weeks for d in w if d]) for month in year) == 365


def test_a_holiday_in_the_week_is_unusual() -> None:
    october = months(2026, date(2026, 10, 1))[9]
    first = next(day for week in october.weeks for day in week if day)
    assert (first.date, first.works, first.unusual, first.today) == (
        date(2026, 10, 1), False, True, True,
    )  # fmt: skip
