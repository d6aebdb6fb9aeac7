"""The parts that a load needs at its peak, from what each kind of work costs; pure arithmetic.

Costs are those of one machine with one broker: docs/capacity.md says what that leaves out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from deploy.capacity import costs as kind
from deploy.capacity.costs import Costs
from deploy.capacity.demands import (
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
from deploy.capacity.load import Load, Site

DAY_SECONDS, YEAR_DAYS = 86_400, 365
# How long a key is remembered, at least (docs/api.md).
LEDGER_DAYS = 7
# Each kind of traffic of a gateway worker has its own (exchange/bus.py).
CONNECTIONS_TO_A_BROKER = 5
# To the database: one to listen on (kernel/changes.py), two for single statements of the ledger.
BESIDE_THE_POOL = 3
SPARE = 1
# Beyond these one machine, or one process, is no longer enough, and the plan says so.
DATABASE_CORES_MOST = 64
DATABASE_CONNECTIONS_MOST = 500
ROUNDS_MOST = 1_000


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


class Plan:
    """What a load needs at its peak: each property is one figure, and says how it is had.

    Memory, files and traffic are bytes or numbers of one node, one node lost; what is kept on disk
    and what moves over the network is of all nodes together.
    """

    def __init__(self, load: Load, costs: Costs, site: Site | None = None) -> None:
        self.load, self.costs, self.site = load, costs, site or Site()
        self.gateway = self._gateway()
        self.workers = self.gateway.count * self.gateway.cores
        self.miss_share = miss_share(load.readers, self.workers)
        self.demands = self._demands(self.workers)

    def per_second(self, *works: str) -> float:
        return per_second(self.demands, *works)

    def _demands(self, workers: int) -> list[Demand]:
        demands = demands_of(self.load, miss_share(self.load.readers, workers))
        return [*demands, *counted_of(self.load, self.site, demands, workers)]

    def _busy(self, part: str, demands: Sequence[Demand], processes: int = 1) -> float:
        idle = self.costs.idle_cores.get(part, 0.0) * processes
        return idle + cores(self.costs, demands, part)

    def _gateway(self) -> Nodes:
        """Return the nodes that carry the load together with the misses that they cause.

        More workers miss more, and more misses need more workers: from below, the first number of
        nodes that carries its own misses is the least one.
        """
        site, count, busy = self.site, 1 + SPARE, 0.0
        for _ in range(ROUNDS_MOST):
            workers = count * site.gateway_cores
            busy = self._busy(kind.GATEWAY, self._demands(workers), workers)
            needed = nodes_for(busy, site.gateway_cores * site.utilisation)
            if needed <= count:
                break
            count = needed
        return Nodes(count, site.gateway_cores, busy)

    @cached_property
    def brokers(self) -> Nodes:
        """As many as the scarcest of processor, network, replicas and safety asks for."""
        site = self.site
        appends = [each for each in self.demands if each.work == kind.PUBLISH]
        copies = (site.replication - 1) * site.replica_share
        busy = self._busy(kind.BROKER, self.demands)
        busy += cores(self.costs, appends, kind.BROKER) * copies
        count = max(
            nodes_for(busy, site.broker_cores * site.utilisation),
            nodes_for(max(self.brokers_in, self.brokers_out), site.wire_bytes_per_second),
            nodes_for(self.replicas, site.replicas_per_broker),
            site.replication + SPARE,
        )
        return Nodes(count, site.broker_cores, busy)

    @cached_property
    def edge(self) -> Nodes:
        """The proxies that end TLS: bytes by cipher, requests and handshakes by assumption."""
        site = self.site
        requests = self.per_second(kind.PUBLISH, kind.PAGE, kind.POLL, kind.LOOKUP)
        handshakes = self.clients / site.handshake_seconds
        ciphered = (self.clients_in + self.clients_out) * self.costs.tls_ns_per_byte / 1e9
        busy = ciphered + requests * site.edge_request_microseconds / 1e6
        busy += handshakes * site.handshake_microseconds / 1e6
        count = max(
            nodes_for(busy, site.edge_cores * site.utilisation),
            nodes_for(max(self.clients_in, self.clients_out), site.wire_bytes_per_second),
        )
        return Nodes(count, site.edge_cores, busy)

    @property
    def database_cores(self) -> float:
        return self._busy(kind.DATABASE, self.demands)

    @property
    def sealing_cores(self) -> float:
        return self._busy(kind.WORKER, self.demands)

    @property
    def waiting(self) -> Queue:
        return queue(kinds_of(self.costs, self.demands), self.workers)

    @property
    def waiting_without_one(self) -> Queue:
        workers = self.workers - self.gateway.cores
        return queue(kinds_of(self.costs, self.demands), workers)

    @property
    def partitions_of_hottest(self) -> int:
        return self._partitions(self.load.hottest_share)

    @property
    def partitions(self) -> int:
        """One a resource, unless its records are too many for one."""
        others, rest = self.load.resources - 1, 1 - self.load.hottest_share
        return self.partitions_of_hottest + others * self._partitions(rest / max(1, others))

    def _partitions(self, share: float) -> int:
        """Return how many partitions such a share of all records needs."""
        peak = self.load.peak_records_per_second * self.load.record_bytes * share
        return max(1, math.ceil(peak / self.site.partition_bytes_per_second))

    @property
    def replicas(self) -> int:
        return self.partitions * self.site.replication

    @property
    def _batches_per_second(self) -> float:
        load = self.load
        each = load.singles_share + (1 - load.singles_share) / load.batch
        return load.records_per_second * each

    @property
    def _record_stored(self) -> float:
        """Bytes of one record in the log: what is not JSON is the same for all."""
        return self.load.record_bytes + self.costs.bytes.record_stored - self.costs.bytes.record

    @property
    def log_per_day(self) -> float:
        """The log by the mean load, all copies."""
        second = self.load.records_per_second * self._record_stored
        second += self._batches_per_second * self.costs.bytes.batch_stored
        return second * DAY_SECONDS * self.site.replication

    @property
    def log_kept(self) -> float:
        return self.log_per_day * self.load.retention_days / self.site.disk_fill

    @property
    def audit_per_day(self) -> float:
        """A count and an audit event for each pair and minute, as if all were always served."""
        each = self.costs.bytes.count_stored + self.costs.bytes.seal_stored
        return self.per_second(kind.SEAL) * DAY_SECONDS * each

    @property
    def audit_kept(self) -> float:
        return self.audit_per_day * YEAR_DAYS * self.site.audit_years

    @property
    def ledger_kept(self) -> float:
        keys = self._batches_per_second * self.load.keyed_share * DAY_SECONDS * LEDGER_DAYS
        return keys * self.costs.bytes.keyed_stored

    @property
    def clients_in(self) -> float:
        return self.load.peak_records_per_second * self.load.record_bytes

    @property
    def clients_out(self) -> float:
        whole, told = self.load.whole_share, self.costs.bytes
        shown = (whole * told.page_whole + (1 - whole) * told.page_projected) / told.record
        return self.clients_in * self.load.readers * shown

    @property
    def brokers_in(self) -> float:
        return self.load.peak_records_per_second * self._record_stored * self.site.replication

    @property
    def brokers_out(self) -> float:
        copied = self.load.peak_records_per_second * (self.site.replication - 1)
        fetched = sum(
            each.per_second * each.records for each in self.demands if each.work == kind.FETCH
        )
        return (copied + fetched) * self._record_stored

    @property
    def clients(self) -> int:
        """All clients stay connected, and those of a lost node come to the others."""
        return self.load.clients * self.load.connections_per_client

    @property
    def database_connections(self) -> int:
        return self.workers * (self.site.database_pool + BESIDE_THE_POOL)

    @property
    def gateway_files(self) -> int:
        of_worker = self.site.database_pool + BESIDE_THE_POOL
        of_worker += CONNECTIONS_TO_A_BROKER * self.brokers.count
        clients = math.ceil(self.clients / (self.gateway.count - SPARE))
        return clients + self.gateway.cores * of_worker

    @property
    def broker_files(self) -> int:
        replicas = math.ceil(self.replicas / (self.brokers.count - SPARE))
        sockets = CONNECTIONS_TO_A_BROKER * (self.workers + self.brokers.count)
        return replicas * self.site.files_per_replica + sockets

    @property
    def gateway_memory(self) -> float:
        return self.gateway.cores * float(self.costs.memory_bytes.get(kind.GATEWAY, 0))

    @property
    def gateway_memory_most(self) -> float:
        return self.gateway_memory + self.gateway.cores * self.site.inflight_bytes

    @property
    def broker_memory(self) -> float:
        """Its heap and, in the page cache, the last of its log."""
        tail = self.brokers_in * self.site.tail_seconds / (self.brokers.count - SPARE)
        return self.site.broker_heap_bytes + tail

    @property
    def limits(self) -> list[str]:
        """Where the platform does not stretch to the load."""
        site, hottest, links = self.site, self.partitions_of_hottest, self.database_connections
        sealing, database = self.sealing_cores, self.database_cores
        told = {
            f"the busiest resource needs {hottest} partitions, and an entry may have "
            f"{site.partitions_per_resource}": hottest > site.partitions_per_resource,
            f"sealing the counts of {self.load.pairs:,} pairs each minute keeps {sealing:.1f} "
            "cores busy, and one worker process does it": sealing > site.utilisation,
            f"the database keeps {database:.0f} cores busy, and one machine of "
            f"{DATABASE_CORES_MOST} should not pass {site.utilisation:.0%}": (
                database > DATABASE_CORES_MOST * site.utilisation
            ),
            f"{links:,} connections to the database: a smaller SHUYUAN_DATABASE_POOL, or a pooler "
            "before it that each worker's listening connection goes past": (
                links > DATABASE_CONNECTIONS_MOST
            ),
        }
        return [limit for limit, reached in told.items() if reached]
