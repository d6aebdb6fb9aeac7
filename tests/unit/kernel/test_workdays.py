"""Working days by the State Council's holiday notices (P7)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.workdays import (
    NOTICE_UNTIL_YEAR,
    Calendar,
    add_working_days,
    counting_by,
    end_of_day,
    is_provisional,
    is_working_day,
    local_date,
    notice_until,
    working_days_between,
)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),
        (date(2025, 10, 8), False),  # 国庆节、中秋节 2025: October 1 to 8
        (date(2025, 9, 28), True),  # a Sunday that makes up for it
        (date(2025, 1, 28), False),  # 春节 2025 begins on New Year's Eve
        (date(2025, 1, 26), True),  # a Sunday that makes up for it
    ],
)
def test_holidays_and_make_up_days_are_those_of_the_notice(day: date, works: bool) -> None:
    assert is_working_day(day) is works


def test_the_day_of_receipt_does_not_count() -> None:
    assert add_working_days(date(2026, 11, 20), 1) == date(2026, 11, 23)


def test_ten_working_days_stretch_over_the_national_holiday() -> None:
    assert add_working_days(date(2025, 9, 26), 10) == date(2025, 10, 16)


def test_no_working_days_end_where_they_start() -> None:
    assert add_working_days(date(2026, 11, 21), 0) == date(2026, 11, 21)


def test_what_was_added_lies_between() -> None:
    start = date(2025, 9, 26)
    for days in range(40):
        assert working_days_between(start, add_working_days(start, days)) == days


def test_lateness_is_negative() -> None:
    assert working_days_between(date(2026, 11, 24), date(2026, 11, 20)) == -2


def test_a_year_without_a_notice_is_provisional() -> None:
    assert is_provisional(date(2031, 1, 2))
    assert not is_working_day(date(2031, 1, 1))
    assert is_working_day(date(2031, 1, 2))
    assert not is_working_day(date(2031, 1, 4))


def test_days_are_those_of_shanghai_and_inclusive() -> None:
    assert local_date(datetime(2026, 11, 21, 16, 0, tzinfo=UTC)) == date(2026, 11, 22)
    assert end_of_day(date(2026, 11, 22)) == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def test_a_year_is_corrected_day_by_day() -> None:
    worked, rested = date(2026, 11, 21), date(2026, 11, 23)
    corrected = Calendar({2026: {worked: True, rested: False}})
    assert (is_working_day(worked), is_working_day(rested)) == (False, True)
    with counting_by(corrected):
        assert (is_working_day(worked), is_working_day(rested)) == (True, False)
        assert is_working_day(date(2026, 11, 24))
        assert add_working_days(date(2026, 11, 20), 2) == date(2026, 11, 24)
    assert add_working_days(date(2026, 11, 20), 2) == date(2026, 11, 24)
    assert not is_working_day(worked)


def test_an_added_year_has_a_notice_and_the_one_after_a_gap_waits() -> None:
    following = NOTICE_UNTIL_YEAR + 1
    assert notice_until() == NOTICE_UNTIL_YEAR
    with counting_by(Calendar({following: {}, following + 2: {}})):
        assert notice_until() == following
        assert not is_provisional(date(following, 5, 6))
        assert is_provisional(date(following, 12, 26))
    assert is_provisional(date(following, 5, 6))


@given(st.dates(date(2005, 1, 1), date(2035, 12, 31)), st.integers(0, 900))
def test_days_are_counted_by_years_as_one_by_one(start: date, days: int) -> None:
    """A page of late applications was counted day by day: 18,000 looks at the calendar."""
    later = [start + timedelta(days=n + 1) for n in range(days)]
    end = later[-1] if later else start
    assert working_days_between(start, end) == sum(map(is_working_day, later))
