"""What is asked of a platform, what it may be built of, and the two loads of docs/capacity.md."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("scenarios.toml")


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A load by its means over a busy day; what has no source is an assumption to be changed.

    Rates are per second. `peak_factor` multiplies publishing and reading, not polling nor staff.
    `singles_share` is the part of the records that come one by one; the others come in batches of
    `batch`. `keyed_share` is the part of publishes with an Idempotency-Key. Every record is read
    by `readers` subscriptions; `behind_share` of the reading is of readers too far behind to find
    it at hand. Every subscription asks once in `poll_seconds` in vain. `hottest_share` is the part
    of all records that belong to one resource. `lookups` are pages of the catalogue and of lists.
    """

    name: str
    resources: int = 1_000
    departments: int = 50
    clients: int = 500
    subscriptions: int = 3_000
    records_per_second: float = 10_000.0
    peak_factor: float = 3.0
    batch: int = 200
    singles_share: float = 0.01
    keyed_share: float = 1.0
    readers: float = 3.0
    page: int = 500
    items: int = 6
    masks: int = 2
    whole_share: float = 0.2
    behind_share: float = 0.1
    poll_seconds: float = 30.0
    token_seconds: float = 3_600.0
    hottest_share: float = 0.05
    lookups: float = 20.0
    connections_per_client: int = 4
    record_bytes: int = 320
    retention_days: float = 7.0

    @property
    def peak_records_per_second(self) -> float:
        return self.records_per_second * self.peak_factor

    @property
    def pairs(self) -> int:
        """A client with a subscription that it reads, or a resource that it publishes."""
        return self.subscriptions + self.resources


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Machines and rules of sizing.

    At peak, with one node of each kind lost, no processor is busier than `utilisation`. A worker
    process is a core. `replica_share` is what one more replica costs the brokers, in appends of
    the leader (its own append and the leader's reading for it): not measured.
    """

    utilisation: float = 0.6
    gateway_cores: int = 16
    broker_cores: int = 16
    edge_cores: int = 8
    replication: int = 3
    replica_share: float = 1.0
    replicas_per_broker: int = 4_000
    partition_bytes_per_second: float = 10e6
    partitions_per_resource: int = 64
    nic_bits_per_second: float = 10e9
    nic_utilisation: float = 0.5
    disk_fill: float = 0.7
    tail_seconds: float = 300.0
    broker_heap_bytes: int = 6 * 2**30
    database_pool: int = 8
    inflight_bytes: int = 256 * 2**20
    flush_seconds: float = 1.0
    handshake_seconds: float = 300.0
    handshake_microseconds: float = 1_000.0
    edge_request_microseconds: float = 60.0
    audit_years: float = 3.0
    files_per_replica: int = 3

    @property
    def wire_bytes_per_second(self) -> float:
        """What one node may send, and receive, each second."""
        return self.nic_bits_per_second / 8 * self.nic_utilisation


SCENARIOS: Mapping[str, Load] = {
    name: msgspec.convert({"name": name, **told}, Load)
    for name, told in tomllib.loads(FILE.read_text(encoding="utf-8")).items()
}
