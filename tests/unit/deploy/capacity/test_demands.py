"""What a load asks for, and how often a worker has a page at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.capacity.costs import (
    BROKER,
    COUNT,
    FETCH,
    GATEWAY,
    KEYED,
    PAGE,
    PROJECT,
    PUBLISH,
    SEAL,
)
from deploy.capacity.demands import (
    Demand,
    counted_of,
    demands_of,
    microseconds,
    miss_share,
    per_second,
)
from deploy.capacity.load import Load, Site
from tests.support.capacity import COSTS

LOAD = Load(name="x", records_per_second=1_000, peak_factor=2, batch=99, singles_share=0.01)
READERS = st.floats(0.1, 1_000)
WORKERS = st.integers(1, 5_000)


def test_every_record_is_published_once_and_read_by_its_readers() -> None:
    demands = demands_of(LOAD, 0.0)
    published = sum(each.per_second * each.records for each in demands if each.work == PUBLISH)
    delivered = sum(each.per_second * each.records for each in demands if each.work == PAGE)
    assert published == pytest.approx(2_000)
    assert delivered == pytest.approx(6_000)
    assert per_second(demands, PUBLISH) == pytest.approx(20 + 1_980 / 99)
    assert per_second(demands, KEYED) == per_second(demands, PUBLISH)


def test_readers_far_behind_always_ask_the_broker() -> None:
    pages = per_second(demands_of(LOAD, 0.0), PAGE)
    assert per_second(demands_of(LOAD, 0.0), FETCH) == pytest.approx(pages * 0.1)
    assert per_second(demands_of(LOAD, 1.0), FETCH) == pytest.approx(pages)


def test_one_worker_reads_a_page_once_for_all_its_readers() -> None:
    assert miss_share(5, 1) == pytest.approx(1 / 5)


def test_of_very_many_workers_each_reader_meets_another() -> None:
    assert miss_share(5, 100_000) == pytest.approx(1, abs=1e-4)


@given(READERS, WORKERS)
def test_a_page_is_read_at_least_once_and_at_most_by_every_reader(
    readers: float, workers: int
) -> None:
    assert 1 / max(1, readers) - 1e-9 <= miss_share(readers, workers) <= 1 + 1e-9


@given(READERS, READERS, WORKERS)
def test_more_readers_never_ask_the_broker_for_less(one: float, two: float, workers: int) -> None:
    few, many = sorted((one, two))
    assert few * miss_share(few, workers) <= many * miss_share(many, workers) * (1 + 1e-9)


def test_pairs_bound_what_is_counted_and_sealed() -> None:
    site, many = Site(), [Demand(PUBLISH, 1e9, 1)]
    counted = counted_of(Load(name="x", resources=60, subscriptions=60), site, many, 10)
    assert [(each.work, each.per_second) for each in counted] == [(COUNT, 1_200), (SEAL, 2)]
    few = counted_of(Load(name="x"), site, [Demand(PUBLISH, 1, 1)], 10)
    assert [each.per_second for each in few] == [1, 1]


def test_a_wider_grant_costs_the_gateway_more_and_the_broker_nothing() -> None:
    fitted, wider = Demand(PROJECT, 1, 100, (6, 2)), Demand(PROJECT, 1, 100, (9, 2))
    assert microseconds(COSTS, fitted, GATEWAY) == pytest.approx(300)
    assert microseconds(COSTS, wider, GATEWAY) == pytest.approx(330)
    assert microseconds(COSTS, wider, BROKER) == 0
