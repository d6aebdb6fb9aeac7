import datetime as dt
import re

import pytest

from catalog.contracts.dates import DAY, MOMENT, day_pattern


def real(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("separator", ["", "-"])
@pytest.mark.parametrize("year", [0, 1, 4, 100, 400, 999, 1900, 1996, 2000, 2023, 2024, 2100, 9999])
def test_a_day_is_one_of_the_calendar(year: int, separator: str) -> None:
    pattern = re.compile(day_pattern(separator))
    for month in range(14):
        for day in range(33):
            text = separator.join((f"{year:04d}", f"{month:02d}", f"{day:02d}"))
            assert (pattern.fullmatch(text) is not None) == real(year, month, day), text


def test_every_year_has_its_leap_day_or_none() -> None:
    for year in range(10_000):
        assert bool(re.fullmatch(DAY, f"{year:04d}-02-29")) == real(year, 2, 29), year


@pytest.mark.parametrize(
    ("offset", "right"),
    [
        ("+08:00", True),
        (".5+08:00", True),
        ("Z", True),
        ("z", True),
        (".123456789Z", True),
        ("-23:59", True),
        ("+00:00", True),
        ("", False),
        (".Z", False),
        (".1234567890Z", False),
        ("+24:00", False),
        ("+08:60", False),
        ("+0800", False),
        ("+8:00", False),
        (" +08:00", False),
    ],
)
def test_a_moment_has_an_offset(offset: str, right: bool) -> None:
    assert bool(re.fullmatch(MOMENT, f"2025-08-31T23:59:59{offset}")) is right


@pytest.mark.parametrize("clock", ["24:00:00", "23:60:00", "23:59:60", "3:00:00", "23:59"])
def test_a_moment_is_on_the_clock(clock: str) -> None:
    assert not re.fullmatch(MOMENT, f"2025-08-31T{clock}Z")
    assert not re.fullmatch(MOMENT, "2025-08-31 23:59:59Z")
