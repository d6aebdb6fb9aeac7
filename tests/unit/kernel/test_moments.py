"""Moments are compared to the last digit that was written (A14)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts.dates import MOMENT
from kernel.moments import Moment, read_moment

OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timedelta(minutes=minutes))
ZERO = datetime(1, 1, 1, tzinfo=UTC)


def exact(moment: Moment) -> Fraction:
    return moment.seconds + Fraction(int(moment.fraction or "0"), 10 ** len(moment.fraction))


def test_a_nanosecond_is_a_difference() -> None:
    """Cut at microseconds, `.0000009Z` was shown under `eq …00Z`."""
    assert read_moment("2026-05-01T00:00:00.0000009Z") > read_moment("2026-05-01T00:00:00Z")
    assert read_moment("2026-05-01T00:00:00.1Z") == read_moment("2026-05-01T00:00:00.100000000Z")
    assert read_moment("2026-05-01T00:00:00.09Z") < read_moment("2026-05-01T00:00:00.1Z")


def test_lower_case_letters_are_the_same_moment() -> None:
    """The contract takes them, and every comparison with them was false."""
    assert read_moment("2026-05-01t08:00:00z") == read_moment("2026-05-01T16:00:00+08:00")


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),  # noqa: DTZ001 - the zone comes below
    OFFSETS,
    st.text("0123456789", max_size=12),
)
def test_moments_order_as_their_exact_values(at: datetime, offset: timedelta, digits: str) -> None:
    whole = at.replace(microsecond=0, tzinfo=timezone(offset))
    plain = whole.isoformat()
    text = plain[:19] + (f".{digits}" if digits else "") + plain[19:]
    expected = (whole - ZERO) // timedelta(seconds=1) + Fraction(
        int(digits or "0"), 10 ** len(digits)
    )
    assert exact(read_moment(text)) - exact(read_moment("0001-01-01T00:00:00Z")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-05-01", "2026-05-01T08:00:00", "2026-05-01 08:00:00Z", "2026-02-30T08:00:00Z",
        "2026-05-01T24:00:00Z", "2026-05-01T08:00:60Z", "2026-05-01T08:00:00.Z",
        "2026-05-01T08:00:00+24:00", "0000-01-01T00:00:00Z", "2026-05-01T08:00:00Z\n",
        "２０26-05-01T08:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_moment(text)


@given(st.from_regex(re.compile(MOMENT, re.ASCII), fullmatch=True))
def test_whatever_the_contract_takes_is_read(text: str) -> None:
    read_moment(text)
