"""A bucket that several workers share holds its bound, and never refuses who keeps to the limit."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.metering.rates.bucket import (
    EXCHANGE_SECONDS,
    FORGET_SECONDS,
    GRAIN,
    Allowance,
    Bucket,
    Shared,
    merged,
)

TICKS = st.integers(0, 40)


def bucket(per_second: float = 10, burst: int = 5) -> Bucket:
    return Bucket("client:c", Allowance("client", per_second, burst))


def admitted(one: Bucket, now: float) -> bool:
    if one.has_room(now):
        one.take(now)
        return True
    return False


class Workers:
    """Workers that decide as `Gate` does, on one clock, with exchanges that take no time."""

    def __init__(self, count: int, allowance: Allowance) -> None:
        self.views = [Bucket("client:c", allowance) for _ in range(count)]
        self.shared = Shared(0.0, 0.0)
        self._next_round = [EXCHANGE_SECONDS] * count

    def ask(self, worker: int, now: float) -> bool:
        for other in range(len(self.views)):
            while self._next_round[other] <= now:
                self._tick(other, self._next_round[other])
                self._next_round[other] += EXCHANGE_SECONDS
        view = self.views[worker]
        while view.has_room(now) and view.is_blind:
            self._exchange(view, now)
        return admitted(view, now)

    def _tick(self, worker: int, now: float) -> None:
        view = self.views[worker]
        if view.untold >= view.tell_at:
            self._exchange(view, now)
        elif view.untold and now - view.since >= FORGET_SECONDS:
            view.forget()

    def _exchange(self, view: Bucket, now: float) -> None:
        telling = view.tell(now)
        self.shared = merged(self.shared, now, telling)
        view.learn(now, self.shared.debt(now))


def most(allowance: Allowance, workers: int, seconds: float) -> float:
    """The bound of ADR 0015."""
    others = workers - 1
    blind = allowance.per_second / 2 + 1
    average = allowance.per_second * (1 + others / 50)
    return allowance.burst + GRAIN + seconds * average + others * blind


def assert_bounded(times: Sequence[float], allowance: Allowance, workers: int) -> None:
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            count = last - first + 1
            assert count <= most(allowance, workers, times[last] - start) + 1e-6


def test_a_burst_passes_at_once_and_then_the_rate() -> None:
    one = bucket(per_second=10, burst=5)
    assert [admitted(one, 100.0) for _ in range(6)] == [True] * 5 + [False]
    assert one.room_in_seconds(100.0) == 1
    assert not admitted(one, 100.09)
    assert admitted(one, 100.11)
    assert not admitted(one, 100.11)


def test_after_a_pause_the_bucket_holds_its_burst_and_no_more() -> None:
    one = bucket(per_second=10, burst=5)
    assert sum(admitted(one, 1_000_000.0) for _ in range(20)) == 5


def test_it_tells_what_is_left_and_when_it_is_full() -> None:
    one = bucket(per_second=1, burst=5)
    assert one.policy == b'"client";q=5;w=5'
    assert one.left(50.0) == (5, 0)
    one.take(50.0)
    one.take(50.0)
    assert one.left(50.0) == (3, 3)
    assert one.left(51.5) == (4, 1)


def test_retry_after_leads_to_a_request_that_passes() -> None:
    one = bucket(per_second=0.25, burst=2)
    assert admitted(one, 10.0)
    assert admitted(one, 10.0)
    wait = one.room_in_seconds(10.0)
    assert wait == 4
    assert not admitted(one, 10.0 + wait - 0.5)
    assert admitted(one, 10.0 + wait)


def test_what_nobody_could_be_told_counts_no_longer_than_it_takes_to_refill() -> None:
    """After an outage of the database a client is not charged for all of it at once."""
    one = bucket(per_second=10, burst=50)
    for second in range(60):
        for _ in range(10):
            one.take(100.0 + second)
    assert one.unknown == 600
    one.tell(160.0)
    one.keep(160.0)
    assert one.unknown == 0


def test_a_telling_under_way_is_neither_lost_nor_counted_twice() -> None:
    one = bucket(per_second=10, burst=50)
    for _ in range(7):
        one.take(10.0)
    telling = one.tell(10.0)
    assert telling.owed == pytest.approx(0.7)
    one.take(10.0)
    assert (one.unknown, one.untold) == (8, 1)
    one.learn(10.0, 2.0)
    assert (one.unknown, one.untold) == (1, 1)
    assert one.due == pytest.approx(10.0 + 2.0 + 0.1)


def test_a_clock_set_back_closes_no_bucket_for_long() -> None:
    one = bucket(per_second=10, burst=5)
    one.take(10.0)
    telling = one.tell(10.0)
    an_hour_ahead = 10.0 + 3600
    assert merged(Shared(9.0, an_hour_ahead), 10.0, telling).debt(10.0) < 2 * one.depth + 11


@given(
    rate=st.integers(5, 40),
    burst=st.integers(1, 60),
    workers=st.integers(1, 4),
    asks=st.lists(st.tuples(st.integers(0, 3), TICKS), min_size=1, max_size=250),
)
def test_a_flood_over_all_workers_stays_within_the_bound(
    rate: int, burst: int, workers: int, asks: list[tuple[int, int]]
) -> None:
    allowance = Allowance("client", rate, burst)
    together = Workers(workers, allowance)
    now, passed = 100.0, []
    for worker, pause in asks:
        now += pause / 200 if pause > 20 else 0.0
        passed += [now for _ in range(5) if together.ask(worker % workers, now)]
    assert_bounded(passed, allowance, workers)


@given(
    rate=st.integers(1, 40),
    burst=st.integers(1, 60),
    workers=st.integers(1, 4),
    asks=st.lists(st.tuples(st.integers(0, 3), TICKS), min_size=1, max_size=400),
)
def test_who_keeps_to_the_limit_is_never_refused(
    rate: int, burst: int, workers: int, asks: list[tuple[int, int]]
) -> None:
    """Whichever workers its requests reach: what they tell each other is never too much."""
    allowance = Allowance("client", rate, burst)
    together, honest = Workers(workers, allowance), Bucket("own", allowance)
    now = 100.0
    for worker, pause in asks:
        now += pause / 200
        if honest.has_room(now):
            honest.take(now)
            assert together.ask(worker % workers, now)


def test_many_workers_that_each_see_little_hold_the_average() -> None:
    """Twice the limit, spread over 20 workers of which each sees a tenth of it."""
    allowance = Allowance("client", 40, 40)
    together = Workers(20, allowance)
    passed, now = [], 100.0
    for number in range(80 * 30):
        now += 1 / 80
        if together.ask(number % 20, now):
            passed.append(now)
    assert len(passed) <= most(allowance, 20, now - 100.0)
    assert len(passed) <= 40 * 30 * 1.2
