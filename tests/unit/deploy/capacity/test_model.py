"""More load never needs less, one node of each kind may be lost, and the sums are right."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.capacity.costs import GATEWAY, PUBLISH, Line
from deploy.capacity.load import SCENARIOS, Load, Site
from deploy.capacity.model import Plan, nodes_for
from tests.support.capacity import COSTS

SITE = Site()
REGION, NATION = SCENARIOS["region"], SCENARIOS["nation"]
loads = st.builds(
    Load,
    name=st.just("x"),
    resources=st.integers(1, 100_000),
    clients=st.integers(1, 50_000),
    subscriptions=st.integers(1, 500_000),
    records_per_second=st.floats(1, 2_000_000),
    peak_factor=st.floats(1, 20),
    batch=st.integers(1, 10_000),
    singles_share=st.floats(0, 1),
    keyed_share=st.floats(0, 1),
    readers=st.floats(0.1, 50),
    page=st.integers(1, 10_000),
    poll_seconds=st.floats(1, 300),
    hottest_share=st.floats(0, 1),
    retention_days=st.floats(0, 365),
)
# What grows with any load, as a tuple to compare item by item.
GROWING = ("records_per_second", "peak_factor", "readers", "clients", "subscriptions", "lookups")


def needs(found: Plan) -> tuple[float, ...]:
    return (
        found.gateway.busy_cores,
        found.gateway.count,
        found.edge.busy_cores,
        found.edge.count,
        found.brokers.busy_cores,
        found.brokers.count,
        found.database_cores,
        found.sealing_cores,
        found.partitions,
        found.log_per_day,
        found.audit_per_day,
        found.clients_out,
        found.brokers_out,
        found.clients,
        found.database_connections,
    )


@given(loads, st.sampled_from(GROWING), st.floats(1, 10))
def test_more_load_never_needs_less(load: Load, field: str, factor: float) -> None:
    kind = type(getattr(load, field))
    more = msgspec.structs.replace(load, **{field: kind(getattr(load, field) * factor)})
    less_needed, more_needed = needs(Plan(load, COSTS)), needs(Plan(more, COSTS))
    assert all(few <= many * (1 + 1e-9) for few, many in zip(less_needed, more_needed, strict=True))


@given(loads, st.integers(1, 10))
def test_larger_batches_never_need_more(load: Load, factor: int) -> None:
    larger = msgspec.structs.replace(load, batch=load.batch * factor)
    small, large = Plan(load, COSTS), Plan(larger, COSTS)
    assert large.gateway.busy_cores <= small.gateway.busy_cores * (1 + 1e-9)
    assert large.brokers.busy_cores <= small.brokers.busy_cores * (1 + 1e-9)


@given(loads, st.floats(0.2, 0.9))
def test_a_node_of_each_kind_may_be_lost(load: Load, utilisation: float) -> None:
    found = Plan(load, COSTS, Site(utilisation=utilisation))
    for nodes in (found.gateway, found.edge, found.brokers):
        assert nodes.count >= 2
        assert nodes.busy_share_without_one <= utilisation * (1 + 1e-9)
    assert found.brokers.count >= SITE.replication + 1


@given(loads)
def test_the_queue_is_that_of_the_cores_that_are_busy(load: Load) -> None:
    """What holds the loops is all that the gateway does but being there."""
    found = Plan(load, COSTS)
    workers = found.gateway.count * found.gateway.cores
    idle = COSTS.idle_cores[GATEWAY]
    assert found.waiting.busy + idle == pytest.approx(found.gateway.busy_cores / workers)
    assert found.waiting.mean_wait_seconds <= found.waiting_without_one.mean_wait_seconds


def test_a_load_reckoned_by_hand() -> None:
    """10,000 records a second in batches of 100, read by nobody, without keys."""
    load = Load(
        name="x", resources=100, subscriptions=0, clients=0, records_per_second=10_000,
        peak_factor=1, batch=100, singles_share=0, keyed_share=0, readers=0, lookups=0,
        retention_days=1,
    )  # fmt: skip
    found = Plan(load, COSTS)
    assert found.per_second(PUBLISH) == 100
    workers = 2 * 16
    # 100 requests of 200 + 500 µs, 100 flushed counts of 50 µs, and the idle workers.
    assert found.gateway.busy_cores == pytest.approx(0.07 + 0.005 + 0.01 * workers)
    # 100 appends of 100 + 100 µs, three copies of each, and the idle broker.
    assert found.brokers.busy_cores == pytest.approx(0.06 + 0.05)
    assert (found.gateway.count, found.brokers.count, found.edge.count) == (2, 4, 2)
    assert found.partitions == 100
    day = 86_400 * 3 * (10_000 * 360 + 100 * 200)
    assert found.log_per_day == pytest.approx(day)
    assert found.log_kept == pytest.approx(day / 0.7)


def test_nodes_are_enough_when_one_is_lost() -> None:
    assert [nodes_for(needed, 10) for needed in (0, 9.9, 10, 10.1, 100)] == [2, 2, 2, 3, 11]


def test_limits_are_told_where_they_are_reached_and_nowhere_else() -> None:
    small = Load(name="x", resources=10, subscriptions=30, clients=5, records_per_second=100)
    assert Plan(small, COSTS).limits == []
    huge = msgspec.structs.replace(
        NATION, hottest_share=0.9, subscriptions=10**7, records_per_second=1e7, batch=10
    )
    told = " ".join(Plan(huge, COSTS).limits)
    for word in ("busiest resource", "sealing", "the database keeps", "connections"):
        assert word in told


def test_a_dearer_publish_needs_more_gateways() -> None:
    work = {**COSTS.work, PUBLISH: {GATEWAY: Line(400, 10)}}
    dearer = msgspec.structs.replace(COSTS, work=work)
    assert Plan(REGION, dearer).gateway.count > Plan(REGION, COSTS).gateway.count


def test_the_region_is_the_one_that_was_asked_for() -> None:
    asked = (REGION.resources, REGION.departments, REGION.clients)
    assert asked == (10_000, 500, 5_000)
    assert REGION.records_per_second == 100_000
    assert REGION.peak_records_per_second == 1_000_000
    assert list(SCENARIOS) == ["region", "nation"]
