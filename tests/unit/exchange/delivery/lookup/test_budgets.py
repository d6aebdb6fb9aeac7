"""Budgets of verifying: subjects of a day, tries of a subject, and what looks like guessing."""

from datetime import date

from exchange.delivery.lookup.budgets import Budgets, Verdict, Window, decide

TODAY, TOMORROW = date(2026, 7, 1), date(2026, 7, 2)
LIMITS = Budgets(subjects_per_day=3, tries_per_subject=2, mismatch_percent=50)


def outcomes(*, misses: int) -> str:
    return "1" * misses + "0" * (100 - misses)


def test_a_subject_may_be_tried_so_often_and_another_still() -> None:
    window = Window(TODAY)
    verdict, window = decide(window, 0, LIMITS, mismatch=False)
    assert (verdict, window.subjects) == (Verdict.ANSWERED, 1)
    verdict, window = decide(window, 1, LIMITS, mismatch=True)
    assert (verdict, window.subjects, window.outcomes) == (Verdict.ANSWERED, 1, "01")
    assert decide(window, 2, LIMITS, mismatch=True) == (Verdict.TRIES, window)
    assert decide(window, 0, LIMITS, mismatch=True)[0] is Verdict.ANSWERED


def test_so_many_subjects_a_day_and_known_ones_still() -> None:
    window = Window(TODAY, subjects=3)
    assert decide(window, 0, LIMITS, mismatch=False) == (Verdict.SUBJECTS, window)
    assert decide(window, 1, LIMITS, mismatch=False)[0] is Verdict.ANSWERED
    assert decide(window.on(TOMORROW), 0, LIMITS, mismatch=False)[0] is Verdict.ANSWERED


def test_more_misses_than_allowed_among_the_last_hundred_are_an_alarm() -> None:
    fine = Window(TODAY, outcomes=outcomes(misses=50))
    assert decide(fine, 0, LIMITS, mismatch=True)[0] is Verdict.ANSWERED
    verdict, after = decide(Window(TODAY, outcomes=outcomes(misses=51)), 0, LIMITS, mismatch=False)
    assert (verdict, after) == (Verdict.GUESSING, Window(TODAY, alarms=1))


def test_fewer_tries_say_nothing_and_tomorrow_forgets_alarms_but_not_misses() -> None:
    few = Window(TODAY, outcomes="1" * 99)
    assert decide(few, 0, LIMITS, mismatch=True)[0] is Verdict.ANSWERED
    bad = Window(TODAY, outcomes=outcomes(misses=80), alarms=2)
    verdict, after = decide(bad.on(TOMORROW), 0, LIMITS, mismatch=False)
    assert (verdict, after.alarms) == (Verdict.GUESSING, 1)
