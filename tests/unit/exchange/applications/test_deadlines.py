"""The legal clock over real calendars: 春节, 国庆, make-up weekends, years without a notice."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exchange.applications.deadlines import (
    LEGAL,
    Clock,
    Limits,
    Term,
    clock_for,
    correction_due,
    delivery_due,
    extended_due,
    held_days,
    is_breached,
    last_day,
    remaining_working_days,
    reply_due,
    rests_on_notice,
    resumed_due,
    term_of,
)
from kernel.settings import Settings
from kernel.workdays import NOTICE_UNTIL_YEAR, SHANGHAI, is_working_day

MOMENTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2030, 12, 31),  # noqa: DTZ001
    timezones=st.just(SHANGHAI),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("clock", "received", "last"),
    [
        (Clock.C3, "2026-07-01T00:00", "2026-07-02"),
        (Clock.C3, "2026-07-01T23:59:59", "2026-07-02"),
        (Clock.C3, "2026-07-03T09:00", "2026-07-06"),  # Friday → Monday
        # 春节 2025: off 28 Jan – 4 Feb; Sunday 26 Jan and Saturday 8 Feb are working days.
        (Clock.C3, "2025-01-24T09:00", "2025-01-26"),
        (Clock.C3, "2025-01-27T09:00", "2025-02-05"),
        (Clock.C3, "2025-02-07T09:00", "2025-02-08"),
        (Clock.C4, "2025-01-24T09:00", "2025-02-13"),
        # 国庆 and 中秋 2025: off 1–8 Oct; Sunday 28 Sep and Saturday 11 Oct are working days.
        (Clock.C3, "2025-09-26T17:00", "2025-09-28"),
        (Clock.C3, "2025-09-30T17:00", "2025-10-09"),
        (Clock.C4, "2025-09-26T17:00", "2025-10-16"),
        # 春节 2026: off 15–23 Feb; Saturdays 14 and 28 Feb are working days.
        (Clock.C3, "2026-02-13T09:00", "2026-02-14"),
        (Clock.C3, "2026-02-14T09:00", "2026-02-24"),
        (Clock.C4, "2026-02-13T09:00", "2026-03-05"),
        # 国庆 2026: off 1–7 Oct; Sunday 20 Sep and Saturday 10 Oct are working days.
        (Clock.C3, "2026-09-30T12:00", "2026-10-08"),
        (Clock.C4, "2026-09-28T12:00", "2026-10-16"),
        (Clock.C4, "2025-12-25T12:00", "2026-01-09"),  # New Year 2026 off 1–3, on Sunday 4 Jan
    ],
)
def test_reply_falls_due_on_the_nth_working_day_after_receipt(
    clock: Clock, received: str, last: str
) -> None:
    due = reply_due(clock, at(received))
    assert last_day(due) == date.fromisoformat(last)
    assert due == at(last) + timedelta(days=1)


def test_the_day_of_receipt_is_the_day_in_beijing() -> None:
    late_evening_in_utc = datetime.fromisoformat("2026-07-01T16:30:00+00:00")
    assert last_day(reply_due(Clock.C3, late_evening_in_utc)) == date(2026, 7, 3)


def test_conditional_sharing_has_ten_days_and_unconditional_one() -> None:
    assert clock_for("unconditional") is Clock.C3
    assert clock_for("conditional") is Clock.C4
    assert (LEGAL.reply(Clock.C3), LEGAL.reply(Clock.C4)) == (1, 10)
    assert (LEGAL.extension, LEGAL.delivery, LEGAL.correction) == (10, 20, 10)


def test_an_answer_in_the_last_minute_is_in_time() -> None:
    due = reply_due(Clock.C3, at("2026-07-01T10:00"))
    assert not is_breached(due, at("2026-07-02T23:59:59.999999"))
    assert is_breached(due, at("2026-07-03T00:00"))


def test_an_answer_given_in_time_stays_in_time() -> None:
    due = reply_due(Clock.C3, at("2026-07-01T10:00"))
    assert not is_breached(due, at("2027-01-01T00:00"), at("2026-07-02T23:00"))
    assert is_breached(due, at("2027-01-01T00:00"), at("2026-07-03T00:00"))


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-07-01T10:00", 10),
        ("2026-07-02T10:00", 9),
        ("2026-07-04T10:00", 8),  # a Saturday counts as the Friday before it
        ("2026-07-14T10:00", 1),
        ("2026-07-15T23:59", 0),
        ("2026-07-16T00:00", -1),
        ("2026-07-17T00:00", -2),
    ],
)
def test_remaining_days_count_down_and_go_negative(now: str, left: int) -> None:
    due = reply_due(Clock.C4, at("2026-07-01T09:00"))
    assert last_day(due) == date(2026, 7, 15)
    assert remaining_working_days(due, at(now)) == left


def test_lateness_shows_on_a_weekend_too() -> None:
    due = reply_due(Clock.C3, at("2026-07-02T09:00"))
    assert last_day(due) == date(2026, 7, 3)
    assert remaining_working_days(due, at("2026-07-04T09:00")) == -1


def test_an_extension_counts_on_from_the_last_day() -> None:
    due = reply_due(Clock.C4, at("2026-09-28T12:00"))
    assert last_day(extended_due(due, 10)) == date(2026, 10, 30)


def test_delivery_and_correction_have_their_own_limits() -> None:
    assert last_day(delivery_due(at("2026-07-01T09:00"))) == date(2026, 7, 29)
    assert last_day(correction_due(at("2026-07-01T09:00"))) == date(2026, 7, 15)


def test_a_supplement_gives_back_the_days_that_were_left() -> None:
    due = reply_due(Clock.C4, at("2026-07-01T09:00"))
    held = held_days(due, at("2026-07-08T16:00"))
    assert held == 5
    resumed = resumed_due(due, held, at("2026-07-20T11:00"))
    assert last_day(resumed) == date(2026, 7, 27)


def test_a_supplement_asked_for_on_the_last_day_leaves_one_day() -> None:
    due = reply_due(Clock.C3, at("2026-07-01T09:00"))
    held = held_days(due, at("2026-07-02T23:59"))
    assert held == 1
    assert last_day(resumed_due(due, held, at("2026-07-10T23:59"))) == date(2026, 7, 13)


def test_asking_for_material_does_not_heal_lateness() -> None:
    due = reply_due(Clock.C3, at("2026-07-01T09:00"))
    assert held_days(due, at("2026-07-03T00:00")) is None
    assert resumed_due(due, None, at("2026-07-20T09:00")) == due


@pytest.mark.parametrize("name", ["reply_conditional", "extension", "delivery", "correction"])
def test_limits_may_be_shortened_only(name: str) -> None:
    legal = getattr(LEGAL, name)
    assert getattr(Limits(**{name: legal - 1}), name) == legal - 1
    for wrong in (legal + 1, 0, -1):
        with pytest.raises(ValueError, match="Art 23"):
            Limits(**{name: wrong})


def test_shorter_limits_make_earlier_deadlines() -> None:
    swift = Limits(reply_conditional=5)
    assert last_day(reply_due(Clock.C4, at("2026-07-01T09:00"), swift)) == date(2026, 7, 8)


def test_a_year_without_a_notice_is_provisional_and_still_counts() -> None:
    year = NOTICE_UNTIL_YEAR + 1
    due = reply_due(Clock.C4, at(f"{year}-09-25T09:00"))
    assert not rests_on_notice(due)
    assert last_day(due) > date(year, 10, 8)
    assert rests_on_notice(reply_due(Clock.C3, at("2026-07-01T09:00")))


def test_late_december_rests_on_the_notice_of_the_next_year() -> None:
    """C4 of 17 December was told as settled, though the next notice may free the 31st (E6)."""
    year = NOTICE_UNTIL_YEAR
    due = reply_due(Clock.C4, at(f"{year}-12-17T09:00"))
    assert last_day(due) == date(year, 12, 31)
    assert not rests_on_notice(due)
    assert rests_on_notice(reply_due(Clock.C3, at(f"{year}-12-22T09:00")))


def test_a_date_stays_provisional_until_it_is_reckoned_anew() -> None:
    due = reply_due(Clock.C4, at("2025-12-25T12:00"))
    assert rests_on_notice(due, 2026)
    assert not rests_on_notice(due, 2025)


def test_more_days_count_on_from_the_last_one() -> None:
    term = Term(date(2026, 9, 28), 10)
    assert term.extended(10).due_at == extended_due(term.due_at, 10)
    assert term_of(None, None, term.due_at).extended(3).due_at == extended_due(term.due_at, 3)


@given(MOMENTS, st.sampled_from(Clock))
def test_the_last_day_is_a_working_day_and_exactly_the_limit_remains(
    received: datetime, clock: Clock
) -> None:
    due = reply_due(clock, received)
    assert is_working_day(last_day(due))
    assert remaining_working_days(due, received) == LEGAL.reply(clock)
    assert not is_breached(due, received)


@given(MOMENTS, st.integers(1, 10), st.integers(0, 40))
def test_remaining_days_agree_with_breach(received: datetime, days: int, later: int) -> None:
    due = reply_due(Clock.C4, received, Limits(reply_conditional=days))
    now = received + timedelta(days=later)
    assert (remaining_working_days(due, now) < 0) == is_breached(due, now)


@given(MOMENTS, st.integers(0, 30), st.integers(0, 60))
def test_a_supplement_never_shortens_what_was_left(
    received: datetime, asked: int, answered: int
) -> None:
    due = reply_due(Clock.C4, received)
    stopped = received + timedelta(days=asked)
    handed_in = stopped + timedelta(days=answered)
    held = held_days(due, stopped)
    resumed = resumed_due(due, held, handed_in)
    if held is None:
        assert resumed == due
    else:
        assert remaining_working_days(resumed, handed_in) == held >= 1


@pytest.mark.parametrize(
    "name", ["reply_conditional_days", "extension_days", "delivery_days", "correction_days"]
)
def test_no_setting_exceeds_the_law(name: str) -> None:
    assert getattr(Settings.model_validate({name: 3}), name) == 3
    for wrong in (0, Settings.model_fields[name].default + 1):
        with pytest.raises(ValidationError):
            Settings.model_validate({name: wrong})
