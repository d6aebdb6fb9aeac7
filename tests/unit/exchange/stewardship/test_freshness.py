"""How fresh a resource is, and how fast requests for it are answered."""

from datetime import UTC, date, datetime, timedelta

import pytest

from catalog.entries import UpdateCycle
from exchange.stewardship.freshness import NO_REPLY, ReplyDays, is_timely, reply_days

NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
MONDAY, TUESDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6)


@pytest.mark.parametrize(
    ("cycle", "age", "expected"),
    [
        (UpdateCycle.REALTIME, timedelta(minutes=59), True),
        (UpdateCycle.REALTIME, timedelta(minutes=61), False),
        (UpdateCycle.DAILY, timedelta(hours=48), True),
        (UpdateCycle.DAILY, timedelta(hours=49), False),
        (UpdateCycle.MONTHLY, timedelta(days=32), True),
        (UpdateCycle.YEARLY, timedelta(days=368), False),
        (UpdateCycle.IRREGULAR, timedelta(days=3000), None),
        (UpdateCycle.NEVER, timedelta(), None),
        (UpdateCycle.OTHER, timedelta(), None),
    ],
)
def test_a_publish_is_timely_within_the_cycle_and_a_day(
    cycle: UpdateCycle, age: timedelta, expected: bool | None
) -> None:
    assert is_timely(cycle, NOW - age, NOW) is expected


def test_what_has_a_cycle_and_was_never_published_is_late() -> None:
    assert is_timely(UpdateCycle.DAILY, None, NOW) is False
    assert is_timely(UpdateCycle.IRREGULAR, None, NOW) is None


def test_nobody_answered_says_nothing() -> None:
    assert reply_days({}) == NO_REPLY


def test_replies_are_counted_in_working_days() -> None:
    # The same day is 0, the next one 1; from Friday to Monday it is 1.
    found = reply_days({(MONDAY, MONDAY): 1, (MONDAY, TUESDAY): 1})
    assert found == ReplyDays(0.5, 1, 2)
    assert reply_days({(FRIDAY, FRIDAY + timedelta(days=3)): 3}) == ReplyDays(1.0, 1, 3)


def test_the_ninetieth_percentile_is_a_day_that_occurred() -> None:
    found = reply_days({(MONDAY, MONDAY): 17, (MONDAY, TUESDAY): 2, (MONDAY, FRIDAY): 1})
    assert found == ReplyDays(0.0, 1, 20)
