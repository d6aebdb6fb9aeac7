"""Three brokers on one machine: each can be lost, and comes back with what it had."""

import pytest

from deploy.local.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_a_frozen_broker_loses_its_partitions_and_comes_back(cluster: Cluster) -> None:
    cluster.create_topic("test.cluster.frozen", partitions=3)
    states = cluster.states("test.cluster.frozen")
    assert {state.leader for state in states.values()} == {1, 2, 3}
    cluster.freeze(2)
    moved = cluster.await_state(
        "test.cluster.frozen",
        lambda states: all(state.leader in {1, 3} for state in states.values()),
    )
    assert all(2 not in state.in_sync for state in moved.values())
    cluster.thaw(2)
    cluster.await_state(
        "test.cluster.frozen",
        lambda states: all(len(state.in_sync) == 3 for state in states.values()),
    )


def test_a_partition_of_a_killed_broker_alone_has_no_leader_until_it_is_back(
    cluster: Cluster,
) -> None:
    cluster.create_topic(
        "test.cluster.alone", assignments={0: [3]}, configs={"min.insync.replicas": "1"}
    )
    cluster.kill(3)
    cluster.await_state("test.cluster.alone", lambda states: states[0].leader == -1)
    cluster.restart(3)
    cluster.await_state("test.cluster.alone", lambda states: states[0].leader == 3)
