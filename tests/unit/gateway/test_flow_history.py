"""What happened between the minutes that gateways and workers wrote down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exchange import backlog
from gateway.flow_history import gateway_told, points
from kernel.history import Moment, minute
from kernel.metrics import BOUNDS, OTHERS, Labels, Sample

NOW = datetime(2026, 3, 2, 10, 7, 30, tzinfo=UTC)
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)
LENGTH = timedelta(minutes=10)
BUCKETS = [0.0] * (len(BOUNDS) + 1)


def told(**counts: float) -> dict[str, Any]:
    return {**dict.fromkeys(("in", "out", "answers", "refused", "failed"), 0), "times": BUCKETS} | (
        counts
    )


def of(place: str, minutes: int, **counts: float) -> Moment:
    return Moment(place, START + timedelta(minutes=minutes), "gateway", told(**counts))


def rates(moments: list[Moment], name: str) -> list[float | None]:
    return [each.value(name) for each in points(moments, NOW, length=LENGTH, step=STEP)]


def test_rates_are_of_all_places_together() -> None:
    moments = [
        of("a", -5, **{"in": 0}), of("b", -5, **{"in": 900}),
        of("a", 0, **{"in": 300}), of("b", 0, **{"in": 1200}),
        of("a", 5, **{"in": 300}), of("b", 5, **{"in": 1500}),
    ]  # fmt: skip
    assert rates(moments, "in") == [None, 2.0, 1.0]


def test_a_gap_is_told_as_a_gap_and_what_follows_is_spread_over_it() -> None:
    assert rates([of("a", -5, out=0), of("a", 5, out=600)], "out") == [None, None, 1.0]


def test_a_counter_that_began_anew_is_no_negative_rate() -> None:
    assert rates([of("a", 0, out=600), of("a", 5, out=30)], "out") == [None, None, 0.0]


def test_nothing_is_known_before_two_moments_of_a_place() -> None:
    assert rates([of("a", 5, out=600)], "out") == [None, None, None]
    [*_, last] = points([of("a", 5, out=600)], NOW, length=LENGTH, step=STEP)
    assert last.at == START + STEP
    assert last.p99_ms is None


def test_the_p99_is_that_of_the_answers_between_two_moments() -> None:
    fast, slow = list(BUCKETS), list(BUCKETS)
    fast[0] = 1000.0
    slow[0], slow[5] = 1098.0, 2.0
    moments = [
        Moment("a", START, "gateway", told() | {"times": fast}),
        Moment("a", START + STEP, "gateway", told() | {"times": slow}),
    ]
    [*_, last] = points(moments, NOW, length=LENGTH, step=STEP)
    assert last.p99_ms == BOUNDS[5] * 1000


def test_workers_tell_how_far_behind_they_are_the_worst_of_them() -> None:
    moments = [
        Moment(place, START + STEP, "worker", {"lag": lag, "outbox": 0.0})
        for place, lag in (("v", 2.0), ("w", 7.5))
    ]
    [*_, last] = points(moments, NOW, length=LENGTH, step=STEP)
    assert (last.value("lag"), last.value("outbox"), last.value("in")) == (7.5, 0.0, None)


def test_what_is_written_is_added_up_over_labels_and_polls_are_left_out() -> None:
    times, polled = [*BUCKETS, 0.0], [*BUCKETS, 0.0]
    times[0], polled[3] = 4.0, 9.0
    found = gateway_told(
        {
            "shuyuan_published_records": {(): 120.0},
            "shuyuan_answers": {("a", "200"): 30.0, ("b", "503"): 2.0, ("b", "0"): 1.0},
            "shuyuan_request_seconds": {("a",): times, ("a?wait",): polled},
        }
    )
    assert (found["in"], found["out"], found["answers"], found["failed"]) == (120, 0, 33, 2)
    assert sum(found["times"]) == 4.0
    assert backlog.told({"shuyuan_fold_lag_seconds": {(): 3.5}}) == {"lag": 3.5, "outbox": 0.0}


@pytest.mark.parametrize("second", [0, 1, 59])
def test_a_minute_begins_with_its_first_second(second: int) -> None:
    assert minute(START + timedelta(seconds=second)) == START


def test_answers_of_too_many_kinds_are_counted_and_no_failures() -> None:
    """Beyond a thousand kinds no status is kept: reading it as a number ended each worker."""
    answers: dict[Labels, Sample] = {
        ("GET /a", "200"): 3.0,
        ("GET /a", "503"): 2.0,
        (OTHERS, OTHERS): 5.0,
    }
    counted = gateway_told({"shuyuan_answers": answers})
    assert (counted["answers"], counted["failed"]) == (10.0, 2.0)
