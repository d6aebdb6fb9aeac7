"""Machines of which one may be lost; partitions, disk, network and memory of a load; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.capacity import costs as kind
from loadtests.capacity.costs import Costs
from loadtests.capacity.demands import Demand, per_second
from loadtests.capacity.load import Load, Site

DAY_SECONDS = 86_400
YEAR_DAYS = 365
# How long a key is remembered, at least (docs/api.md).
LEDGER_DAYS = 7
# Each kind of traffic of a gateway worker has its own (exchange/bus.py).
CONNECTIONS_TO_A_BROKER = 5
# To the database: one to listen on (kernel/changes.py), two for single statements of the ledger.
BESIDE_THE_POOL = 3
SPARE = 1


@dataclass(frozen=True, slots=True)
class Nodes:
    """So many machines, the spare one included, of so many cores; `busy_cores` work in all."""

    count: int
    cores: int
    busy_cores: float

    @property
    def busy_share(self) -> float:
        """How busy each is while all of them run, 0 to 1."""
        return self.busy_cores / (self.count * self.cores)

    @property
    def busy_share_without_one(self) -> float:
        return self.busy_cores / ((self.count - SPARE) * self.cores)


def nodes_for(needed: float, of_one: float) -> int:
    """Return how many are needed of which one may be lost."""
    return max(1, math.ceil(needed / of_one)) + SPARE


@dataclass(frozen=True, slots=True)
class Partitions:
    """`replicas` are all copies of all partitions."""

    total: int
    of_hottest: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: of all brokers together, by day and kept; of the database, by day and kept."""

    log_per_day: float
    log_kept: float
    audit_per_day: float
    audit_kept: float
    ledger_kept: float


@dataclass(frozen=True, slots=True)
class Network:
    """Bytes a second at peak, over all nodes of a kind."""

    clients_in: float
    clients_out: float
    brokers_in: float
    brokers_out: float


@dataclass(frozen=True, slots=True)
class Connections:
    """`gateway_files` and `broker_files` are open files and sockets of one node, one node lost."""

    clients: int
    database: int
    gateway_files: int
    broker_files: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one node: of a gateway as measured and at its bound, of a broker with its cache."""

    gateway_node: float
    gateway_node_most: float
    broker_node: float


def partitions_of(load: Load, site: Site) -> Partitions:
    """One partition a resource, unless its records are too many for one."""
    peak_bytes = load.peak_records_per_second * load.record_bytes
    others = load.resources - 1
    hottest = _partitions_for(peak_bytes * load.hottest_share, site)
    each = _partitions_for(peak_bytes * (1 - load.hottest_share) / max(1, others), site)
    total = hottest + others * each
    return Partitions(total, hottest, total * site.replication)


def _partitions_for(bytes_per_second: float, site: Site) -> int:
    return max(1, math.ceil(bytes_per_second / site.partition_bytes_per_second))


def disk_of(load: Load, costs: Costs, site: Site, demands: Sequence[Demand]) -> Disk:
    """The log and the keys by the mean load, the audit as if every pair were served at all times.

    A key costs its row, a minute of a pair its count and its audit event.
    """
    batches = load.records_per_second * (load.singles_share + (1 - load.singles_share) / load.batch)
    of_records = load.records_per_second * _stored(load, costs)
    of_batches = batches * costs.bytes.batch_stored
    day = (of_records + of_batches) * DAY_SECONDS * site.replication
    sealed = per_second(demands, kind.SEAL) * DAY_SECONDS
    audit = sealed * (costs.bytes.count_stored + costs.bytes.seal_stored)
    keys = batches * load.keyed_share * DAY_SECONDS * LEDGER_DAYS
    return Disk(
        log_per_day=day,
        log_kept=day * load.retention_days / site.disk_fill,
        audit_per_day=audit,
        audit_kept=audit * YEAR_DAYS * site.audit_years,
        ledger_kept=keys * costs.bytes.keyed_stored,
    )


def _stored(load: Load, costs: Costs) -> float:
    """Return the bytes of one record in the log: what is not JSON is the same for all."""
    return load.record_bytes + costs.bytes.record_stored - costs.bytes.record


def network_of(load: Load, costs: Costs, site: Site, demands: Sequence[Demand]) -> Network:
    published, stored = load.peak_records_per_second, _stored(load, costs)
    whole, projected = costs.bytes.page_whole, costs.bytes.page_projected
    shown = load.whole_share * whole + (1 - load.whole_share) * projected
    fetched = sum(each.per_second * each.records for each in demands if each.work == kind.FETCH)
    return Network(
        clients_in=published * load.record_bytes,
        clients_out=published * load.readers * shown * load.record_bytes / costs.bytes.record,
        brokers_in=published * stored * site.replication,
        brokers_out=published * stored * (site.replication - 1) + fetched * stored,
    )


def connections_of(
    load: Load, site: Site, gateway: Nodes, brokers: Nodes, partitions: Partitions
) -> Connections:
    """All clients stay connected, and those of a lost node come to the others."""
    clients = load.clients * load.connections_per_client
    workers = gateway.count * gateway.cores
    of_worker = site.database_pool + BESIDE_THE_POOL + CONNECTIONS_TO_A_BROKER * brokers.count
    replicas = math.ceil(partitions.replicas / (brokers.count - SPARE))
    return Connections(
        clients=clients,
        database=workers * (site.database_pool + BESIDE_THE_POOL),
        gateway_files=math.ceil(clients / (gateway.count - SPARE)) + gateway.cores * of_worker,
        broker_files=replicas * site.files_per_replica
        + CONNECTIONS_TO_A_BROKER * (workers + brokers.count),
    )


def memory_of(load: Load, costs: Costs, site: Site, gateway: Nodes, brokers: Nodes) -> Memory:
    """A broker has its heap and, in the page cache, the last of its log, one broker lost."""
    written = load.peak_records_per_second * _stored(load, costs) * site.replication
    worker = float(costs.memory_bytes.get(kind.GATEWAY, 0))
    return Memory(
        gateway_node=gateway.cores * worker,
        gateway_node_most=gateway.cores * (worker + site.inflight_bytes),
        broker_node=site.broker_heap_bytes + written * site.tail_seconds / (brokers.count - SPARE),
    )
