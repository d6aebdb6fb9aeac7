"""What a gateway worker counts; docs/metrics.md tells what each number means."""

from collections import Counter as Sums
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exchange import metrics as processes
from exchange.metering.counts import Gathered
from gateway.http.budgets import BODIES, BODIES_ANONYMOUS, UNTAKEN, UNTAKEN_ANONYMOUS
from kernel.clock import monotonic
from kernel.errors import TooMany
from kernel.metrics import Counter, Gauge, Histogram, Times

if TYPE_CHECKING:
    from gateway.services import Services

PUBLISHED_RECORDS = Counter("shuyuan_published_records", "records accepted into the log")
PUBLISHED_BATCHES = Counter("shuyuan_published_batches", "publish requests accepted")
PUBLISHED_BYTES = Counter("shuyuan_published_bytes", "bytes of accepted bodies")
PULLED_RECORDS = Counter("shuyuan_pulled_records", "records that left through subscriptions")
PULLED_PAGES = Counter("shuyuan_pulled_pages", "pages answered to pulls")
PULLED_BYTES = Counter("shuyuan_pulled_bytes", "bytes of answered pages")
LIMITED_REQUESTS = Counter(
    "shuyuan_limited_requests", "publishes and pulls refused with 429, by limit", "limit"
)
REFUSALS = Counter("shuyuan_refusals", "refused requests, by code of the problem", "code")
ANSWERS = Counter("shuyuan_answers", "answers, by operation and status", "operation", "status")
REQUEST_SECONDS = Histogram(
    "shuyuan_request_seconds", "from head to the end of the answer, by operation", "operation"
)
OPEN_POLLS = Gauge("shuyuan_open_polls", "long polls that wait for records")
UNDER_WAY_BYTES = Gauge(
    "shuyuan_under_way_bytes", "bytes held: bodies not yet answered, answers not yet taken", "kind"
)
RULES_AGE_SECONDS = Gauge(
    "shuyuan_rules_age_seconds", "since rules were confirmed, of the worst worker", merge="max"
)


def limited(error: TooMany) -> None:
    """Count a refusal under the limit that it names."""
    LIMITED_REQUESTS.add(1, str(error.facts.get("policy", error.code)))


@dataclass(slots=True)
class AnswerCounts:
    """Answers of one hot operation: its times, and its statuses without a look-up of labels."""

    operation: str
    times: Times
    statuses: Sums[int]

    @classmethod
    def of(cls, operation: str) -> "AnswerCounts":
        counts = cls(operation, REQUEST_SECONDS.of(operation), Sums())
        _HOT.append(counts)
        return counts

    def add(self, status: int, seconds: float) -> None:
        """Count an answer; status 0 is one that nobody was left to take."""
        self.times.add(seconds)
        self.statuses[status] += 1


_HOT: Final[list[AnswerCounts]] = []


def settle() -> None:
    """Hand what hot paths have counted on to its metric."""
    for hot in _HOT:
        counted, hot.statuses = hot.statuses, Sums()
        for status, times in counted.items():
            ANSWERS.add(times, hot.operation, str(status))


def answered(operation: str, status: int, seconds: float) -> None:
    """Count the answer to a request that is not hot."""
    REQUEST_SECONDS.of(operation).add(seconds)
    ANSWERS.add(1, operation, str(status))


class Meters:
    """Adds what was flushed to the counters."""

    def counted(self, gathered: Gathered) -> None:
        for count in gathered.publishes.values():
            PUBLISHED_BATCHES.add(count.times)
            PUBLISHED_RECORDS.add(count.records)
            PUBLISHED_BYTES.add(count.bytes_)
        for count in gathered.reads.values():
            PULLED_PAGES.add(count.times)
            PULLED_RECORDS.add(count.records)
            PULLED_BYTES.add(count.bytes_)


def watch(using: "Services") -> None:
    """Let the gauges read this worker."""
    processes.watch(using.database, using.skew, using.loops)
    bus = using.bus
    processes.watch_log(lambda: bus.broker_findings, lambda: bus.reader.foreign_records)
    ANSWERS.before_reading = settle
    OPEN_POLLS.read_by(lambda: using.bus.tail.waiting)
    UNDER_WAY_BYTES.read_all_by(
        lambda: {
            ("bodies",): BODIES.held_bytes + BODIES_ANONYMOUS.held_bytes,
            ("answers",): UNTAKEN.held_bytes + UNTAKEN_ANONYMOUS.held_bytes,
        }
    )
    RULES_AGE_SECONDS.read_by(lambda: rules_age(using))


def rules_age(using: "Services") -> float:
    """Return how many seconds ago the database confirmed this worker's rules."""
    confirmed_at = using.changes.fresh_until - using.settings.rules_stale_seconds
    return round(max(0.0, monotonic() - confirmed_at), 3)
