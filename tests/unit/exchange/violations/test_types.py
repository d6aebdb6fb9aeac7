"""Every item of Art 39–41 is one type; every clock counts as one of them."""

from datetime import UTC, datetime, timedelta

import pytest

from exchange.disposals.disposal_clock import last_overdue_end
from exchange.disposals.states import due_at
from exchange.violations.recording import nearest
from exchange.violations.types import ARTICLES, BY_CLOCK, RULES, Type

AUTHORITIES = {"R": "450000", "C": "450100", "K": "450103", "B": "450100", "S": "100000"}


def test_every_type_has_its_rule_and_every_clock_one_type() -> None:
    assert set(RULES) == set(Type)
    assert ARTICLES == (39, 40, 41)
    clocks = [clock for rule in RULES.values() for clock in rule.clocks]
    assert len(clocks) == len(set(clocks)) == len(BY_CLOCK)
    assert set(BY_CLOCK) == {
        "C1", "C2", "C3", "C4", "C6", "C7", "C8", "disposal", "source_lost",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("region", "reviewer"),
    [("450103", "K"), ("450102", "B"), ("450100", "B"), ("450200", "R"), ("100000", "S")],
)
def test_a_late_review_is_that_of_the_lowest_authority(region: str, reviewer: str) -> None:
    found = nearest(AUTHORITIES, region)
    assert found is not None
    assert found[0] == reviewer


def test_without_an_authority_nobody_is_late() -> None:
    assert nearest({"C": "450100"}, "450200") is None


def test_a_disposal_is_missed_when_its_last_working_day_is_over() -> None:
    at = datetime(2026, 3, 30, 16, 0, tzinfo=UTC)
    last = last_overdue_end(at, 20)
    assert due_at(last, None, 20) <= at
    assert due_at(last + timedelta(days=1), None, 20) > at
