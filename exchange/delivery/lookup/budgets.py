"""Budgets of verifying: whether one more try is answered, refused, or looks like guessing; pure."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

LAST_TRIES: Final = 100
"""So many tries are looked at for guessing; fewer say nothing."""
ALARMS_MAX: Final = 3
"""The alarm of a day that suspends the subscription."""
HIT, MISS = "0", "1"


class Verdict(StrEnum):
    """What becomes of a try; `SUBJECTS` and `TRIES` name the budget that is used up."""

    ANSWERED = "answered"
    SUBJECTS = "subjects"
    TRIES = "tries"
    GUESSING = "guessing"


@dataclass(frozen=True, slots=True)
class Budgets:
    """What the settings of verifying say."""

    subjects_per_day: int
    tries_per_subject: int
    mismatch_percent: int


@dataclass(frozen=True, slots=True)
class Window:
    """What a subscription has used: subjects and alarms of a day, outcomes across days."""

    day: date
    subjects: int = 0
    outcomes: str = ""
    alarms: int = 0

    def on(self, day: date) -> "Window":
        """Return the window as it is on a day; yesterday's tries still tell of guessing."""
        return self if self.day == day else Window(day, outcomes=self.outcomes)


def decide(
    window: Window, tries: int, budgets: Budgets, *, mismatch: bool
) -> tuple[Verdict, Window]:
    """Return what becomes of a try about a subject that was tried so often today.

    An alarm begins the count of outcomes anew: the next one needs as many tries again.
    """
    if _guesses(window.outcomes, budgets):
        return Verdict.GUESSING, replace(window, outcomes="", alarms=window.alarms + 1)
    if tries >= budgets.tries_per_subject:
        return Verdict.TRIES, window
    if not tries and window.subjects >= budgets.subjects_per_day:
        return Verdict.SUBJECTS, window
    outcomes = (window.outcomes + (MISS if mismatch else HIT))[-LAST_TRIES:]
    return Verdict.ANSWERED, replace(
        window, outcomes=outcomes, subjects=window.subjects + (not tries)
    )


def _guesses(outcomes: str, budgets: Budgets) -> bool:
    if len(outcomes) < LAST_TRIES:
        return False
    return outcomes.count(MISS) * 100 > budgets.mismatch_percent * len(outcomes)
