"""Requests wait as Pollaczek and Khinchine say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.capacity.costs import GATEWAY, KEYED, PAGE, PUBLISH
from deploy.capacity.demands import Demand, Kind, cores, kinds_of, queue
from tests.support.capacity import COSTS


def test_at_half_load_a_request_of_uniform_length_waits_half_its_length() -> None:
    found = queue([Kind(500, 0.001)], 1)
    assert found.busy == pytest.approx(0.5)
    assert found.mean_wait_seconds == pytest.approx(0.0005)


def test_long_requests_make_short_ones_wait() -> None:
    uniform = queue([Kind(600, 0.001)], 1)
    mixed = queue([Kind(300, 0.0001), Kind(57, 0.01)], 1)
    assert mixed.busy == pytest.approx(uniform.busy)
    assert mixed.mean_wait_seconds > 9 * uniform.mean_wait_seconds


def test_a_worker_that_is_never_idle_lets_wait_for_ever() -> None:
    assert queue([Kind(2_000, 0.001)], 2).mean_wait_seconds == math.inf


def test_an_idle_worker_lets_nobody_wait() -> None:
    assert queue([Kind(1, 0.001)], 1).wait_seconds(0.99) == 0.0


@given(st.floats(0.02, 0.98), st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_more_wait_longer_than_a_lower_percentile(busy: float, one: float, other: float) -> None:
    found, (low, high) = queue([Kind(busy, 1.0)], 1), sorted((one, other))
    assert found.wait_seconds(low) <= found.wait_seconds(high)


@given(st.floats(0.0, 0.95), st.floats(0.0, 0.95), st.integers(1, 50))
def test_more_load_waits_longer(one: float, other: float, workers: int) -> None:
    low, high = sorted((one, other))
    kinds = ([Kind(share * workers, 1.0)] for share in (low, high))
    first, second = (queue(each, workers).mean_wait_seconds for each in kinds)
    assert first <= second


def test_a_key_and_a_projection_hold_the_worker_as_part_of_their_request() -> None:
    demands = [Demand(PUBLISH, 100, 10), Demand(KEYED, 50), Demand(PAGE, 10, 100)]
    found = kinds_of(COSTS, demands)
    assert [kind.per_second for kind in found] == [100, 10]
    assert found[0].seconds == pytest.approx((200 + 5 * 10 + 200 / 2) / 1e6)
    busy = sum(kind.per_second * kind.seconds for kind in found)
    assert busy == pytest.approx(cores(COSTS, demands, GATEWAY))
