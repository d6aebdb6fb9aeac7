"""The parts that a load needs, from what each kind of work costs; pure arithmetic.

Costs are those of one machine with one broker: docs/capacity.md says what that leaves out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.capacity import costs as kind
from loadtests.capacity import sizes
from loadtests.capacity.costs import Costs
from loadtests.capacity.demands import (
    Demand,
    Queue,
    cores,
    counted_of,
    demands_of,
    kinds_of,
    miss_share,
    per_second,
    queue,
)
from loadtests.capacity.load import Load, Site
from loadtests.capacity.sizes import SPARE, Nodes, nodes_for

# Beyond these one machine, or one process, is no longer enough, and the plan says so.
DATABASE_CORES_MOST = 64
DATABASE_CONNECTIONS_MOST = 500
ROUNDS_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load needs at its peak. `limits` are where the platform does not stretch to it."""

    load: Load
    site: Site
    demands: Sequence[Demand]
    miss_share: float
    gateway: Nodes
    edge: Nodes
    brokers: Nodes
    database_cores: float
    sealing_cores: float
    partitions: sizes.Partitions
    disk: sizes.Disk
    network: sizes.Network
    connections: sizes.Connections
    memory: sizes.Memory
    waiting: Queue
    waiting_without_one: Queue
    limits: Sequence[str]

    def per_second(self, *works: str) -> float:
        return per_second(self.demands, *works)


def plan(load: Load, costs: Costs, site: Site | None = None) -> Plan:
    """Return what the load needs at its peak."""
    site = site or Site()
    gateway = _gateway(load, costs, site)
    workers = gateway.count * gateway.cores
    misses = miss_share(load.readers, workers)
    demands = _all_demands(load, site, workers)
    partitions = sizes.partitions_of(load, site)
    network = sizes.network_of(load, costs, site, demands)
    brokers = _brokers(costs, site, demands, partitions, network)
    connections = sizes.connections_of(load, site, gateway, brokers, partitions)
    database = cores(costs, demands, kind.DATABASE) + costs.idle_cores.get(kind.DATABASE, 0.0)
    sealing = cores(costs, demands, kind.WORKER) + costs.idle_cores.get(kind.WORKER, 0.0)
    kinds = kinds_of(costs, demands)
    return Plan(
        load=load,
        site=site,
        demands=demands,
        miss_share=misses,
        gateway=gateway,
        edge=_edge(load, costs, site, demands, network),
        brokers=brokers,
        database_cores=database,
        sealing_cores=sealing,
        partitions=partitions,
        disk=sizes.disk_of(load, costs, site, demands),
        network=network,
        connections=connections,
        memory=sizes.memory_of(load, costs, site, gateway, brokers),
        waiting=queue(kinds, workers),
        waiting_without_one=queue(kinds, workers - gateway.cores),
        limits=_limits(load, site, sealing, database, partitions, connections),
    )


def _all_demands(load: Load, site: Site, workers: int) -> list[Demand]:
    demands = demands_of(load, miss_share(load.readers, workers))
    return [*demands, *counted_of(load, site, demands, workers)]


def _gateway(load: Load, costs: Costs, site: Site) -> Nodes:
    """Return the nodes that carry the load together with the misses that they cause.

    More workers miss more, and more misses need more workers: from below, the first number of
    nodes that carries its own misses is the least one.
    """
    count, busy = 1 + SPARE, 0.0
    for _ in range(ROUNDS_MOST):
        workers = count * site.gateway_cores
        idle = costs.idle_cores.get(kind.GATEWAY, 0.0) * workers
        busy = idle + cores(costs, _all_demands(load, site, workers), kind.GATEWAY)
        needed = nodes_for(busy, site.gateway_cores * site.utilisation)
        if needed <= count:
            break
        count = needed
    return Nodes(count, site.gateway_cores, busy)


def _brokers(
    costs: Costs,
    site: Site,
    demands: Sequence[Demand],
    partitions: sizes.Partitions,
    network: sizes.Network,
) -> Nodes:
    """Return as many as the scarcest of processor, network, replicas and safety asks for."""
    appends = [each for each in demands if each.work == kind.PUBLISH]
    replicated = cores(costs, appends, kind.BROKER) * (site.replication - 1) * site.replica_share
    busy = cores(costs, demands, kind.BROKER) + replicated + costs.idle_cores.get(kind.BROKER, 0.0)
    count = max(
        nodes_for(busy, site.broker_cores * site.utilisation),
        nodes_for(max(network.brokers_in, network.brokers_out), site.wire_bytes_per_second),
        nodes_for(partitions.replicas, site.replicas_per_broker),
        site.replication + SPARE,
    )
    return Nodes(count, site.broker_cores, busy)


def _edge(
    load: Load, costs: Costs, site: Site, demands: Sequence[Demand], network: sizes.Network
) -> Nodes:
    """Return the proxies that end TLS: bytes by cipher, requests and handshakes by assumption."""
    handshakes = load.clients * load.connections_per_client / site.handshake_seconds
    busy = (
        per_second(demands, kind.PUBLISH, kind.PAGE, kind.POLL, kind.LOOKUP)
        * site.edge_request_microseconds
        / 1e6
        + handshakes * site.handshake_microseconds / 1e6
        + (network.clients_in + network.clients_out) * costs.tls_ns_per_byte / 1e9
    )
    count = max(
        nodes_for(busy, site.edge_cores * site.utilisation),
        nodes_for(max(network.clients_in, network.clients_out), site.wire_bytes_per_second),
    )
    return Nodes(count, site.edge_cores, busy)


def _limits(
    load: Load,
    site: Site,
    sealing: float,
    database: float,
    partitions: sizes.Partitions,
    connections: sizes.Connections,
) -> list[str]:
    pairs = load.subscriptions + load.resources
    told = {
        f"the busiest resource needs {partitions.of_hottest} partitions, and an entry may have "
        f"{site.partitions_per_resource}": partitions.of_hottest > site.partitions_per_resource,
        f"sealing the counts of {pairs:,} pairs each minute keeps {sealing:.1f} cores busy, and "
        "one worker process does it": sealing > site.utilisation,
        f"the database keeps {database:.0f} cores busy, and one machine of {DATABASE_CORES_MOST} "
        f"should not pass {site.utilisation:.0%}": (
            database > DATABASE_CORES_MOST * site.utilisation
        ),
        f"{connections.database:,} connections to the database: a smaller SHUYUAN_DATABASE_POOL, "
        "or a pooler before it that each worker's listening connection goes past": (
            connections.database > DATABASE_CONNECTIONS_MOST
        ),
    }
    return [limit for limit, reached in told.items() if reached]
