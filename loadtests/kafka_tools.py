"""Kafka's own benchmark tools, which speak no HTTP and check nothing: the bar to reach.

A JVM compiles what is hot only after some hundred thousand records, and a consumer must join its
group first. So each tool runs until it is warm, and what counts is the windows that it prints from
then on: records, time and processor time of its whole process, start and end left out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.artifacts import class_path
from deploy.local.java import find_java
from loadtests import records
from loadtests.arena import Arena
from loadtests.runs import Child, RunFailed, Steady, steady

TOOLS = "org.apache.kafka.tools"
HEAP = "-Xmx512m"
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
PRODUCER, CONSUMER = "ProducerPerformance", "ConsumerPerformance"
REPORT_MILLISECONDS = 250
LIMIT_SECONDS = 180.0
# A busy machine lets a consumer wait for its group.
PATIENCE_MILLISECONDS = 60_000
# As many partitions as the feeds have together.
PARTITIONS = 3
WRITTEN, READ = "perf-test.written", "perf-test.read"
WARM = "In steady state."
WINDOW = re.compile(r"(\d+) records sent, .* max latency\.$")
WHOLE = re.compile(r"(\d+) records sent, .* 50th, ")
STEADY = re.compile(r"steady state records sent, .* (\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th")
# start, end or its id, MB, MB/s, records, records/s, rebalance, fetch ms, MB/s, records/s
COLUMNS, RECORDS_COLUMN = 10, 4


@dataclass(frozen=True, slots=True)
class Amount:
    """How many records a tool handles before its window opens, and in all."""

    warm_up: int
    records: int


@dataclass(frozen=True, slots=True)
class Performed:
    """What a tool did in all, and in its steady windows; a consumer has no latency."""

    records: int
    steady: Steady
    p50_ms: float = 0.0
    p99_ms: float = 0.0


def produce(arena: Arena, topic: str, amount: Amount) -> Performed:
    """Run `kafka-producer-perf-test` with our records as its payloads, acks=all."""
    payloads = arena.folder / "payloads.ndjson"
    payloads.write_bytes(b"\n".join(records.lines()))
    seen = _run(
        arena,
        PRODUCER,
        Sent(amount.warm_up),
        amount,
        *("--topic", topic, "--throughput", "-1", "--payload-file", str(payloads)),
        *("--command-property", "acks=all", "--warmup-records", str(amount.warm_up)),
    )
    text = "\n".join(seen.lines)
    whole, percentiles = WHOLE.search(text), STEADY.search(text)
    if whole is None or percentiles is None:
        raise RunFailed("\n".join(seen.lines[-5:]))
    return Performed(int(whole[1]), seen, float(percentiles[1]), float(percentiles[2]))


def consume(arena: Arena, topic: str, amount: Amount) -> Performed:
    """Run `kafka-consumer-perf-test` from the first record of a topic on."""
    seen = _run(
        arena,
        CONSUMER,
        received,
        amount,
        *("--topic", topic, "--hide-header", "--show-detailed-stats"),
        *("--timeout", str(PATIENCE_MILLISECONDS)),
    )
    return Performed(max(filter(None, map(received, seen.lines))), seen)


class Sent:
    """Adds up the windows that the producer prints once it is warm.

    It is silent about the records that wait in its buffer as its warm-up ends, up to 32 MB of them:
    all windows together are fewer than were sent.
    """

    def __init__(self, warm_up_records: int) -> None:
        self._warm_up, self._records = warm_up_records, 0

    def __call__(self, line: str) -> int | None:
        if line == WARM:
            self._records = self._warm_up
        found = WINDOW.search(line)
        if found is None or not self._records:
            return None
        self._records += int(found[1])
        return self._records


def received(line: str) -> int | None:
    """Return how many records the consumer says that it has by now."""
    cells = line.split(",")
    return int(cells[RECORDS_COLUMN]) if len(cells) == COLUMNS else None


def _run(
    arena: Arena,
    tool: str,
    progress: Callable[[str], int | None],
    amount: Amount,
    *arguments: str,
) -> Steady:
    java, jars = str(find_java()), class_path("tools", lambda _line: None)
    command = (
        *(java, HEAP, QUIET, "-cp", jars, f"{TOOLS}.{tool}"),
        *("--bootstrap-server", arena.bootstrap, "--num-records", str(amount.records)),
        *("--reporting-interval", str(REPORT_MILLISECONDS), *arguments),
    )
    families = {role: pid for role, pid in arena.families.items() if role == "broker"}
    child = Child(command, arena.folder / f"{tool}.log")
    return steady(child, families, LIMIT_SECONDS, progress, amount.warm_up)
