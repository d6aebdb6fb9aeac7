"""Prometheus metrics of all workers together; sums of what passed are added once a second."""

from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess

from exchange.metering.counts import Gathered
from kernel.errors import TooMany

PUBLISHED_RECORDS = Counter("shuyuan_published_records", "records accepted into the log")
PUBLISHED_BATCHES = Counter("shuyuan_published_batches", "publish requests accepted")
PUBLISHED_BYTES = Counter("shuyuan_published_bytes", "bytes of accepted bodies")
PULLED_RECORDS = Counter("shuyuan_pulled_records", "records that left through subscriptions")
PULLED_PAGES = Counter("shuyuan_pulled_pages", "pages answered to pulls")
PULLED_BYTES = Counter("shuyuan_pulled_bytes", "bytes of answered pages")

LIMITED_REQUESTS = Counter(
    "shuyuan_limited_requests", "publishes and pulls refused with 429, by limit", ["limit"]
)


def limited(error: TooMany) -> None:
    """Count a refusal under the limit that it names."""
    LIMITED_REQUESTS.labels(error.facts.get("policy", error.code)).inc()


class Meters:
    """Adds what was flushed to the counters."""

    def counted(self, gathered: Gathered) -> None:
        for count in gathered.publishes.values():
            PUBLISHED_BATCHES.inc(count.times)
            PUBLISHED_RECORDS.inc(count.records)
            PUBLISHED_BYTES.inc(count.bytes_)
        for count in gathered.reads.values():
            PULLED_PAGES.inc(count.times)
            PULLED_RECORDS.inc(count.records)
            PULLED_BYTES.inc(count.bytes_)


def exposition() -> bytes:
    """Return the sums of all workers in Prometheus' text format."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
