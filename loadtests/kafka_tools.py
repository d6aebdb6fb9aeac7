"""Kafka's own benchmark tools, which speak no HTTP and check nothing: the bar to reach.

They are tuned: batches of 256 KiB, gathered for up to 10 ms, in a buffer of 128 MiB; one producer
and two at once, with lz4 and without. A JVM compiles what is hot only after some hundred thousand
records, and a consumer must join its group first. So each tool runs until it is warm, and what
counts is the windows that it prints from then on: records, time and processor time of its whole
process, start and end left out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.artifacts import class_path
from deploy.local.java import find_java
from loadtests import records
from loadtests.arena import Arena
from loadtests.runs import Child, Observed, Progress, RunFailed, Steady, steady
from loadtests.tally import Total, Window

TOOLS = "org.apache.kafka.tools"
HEAP = "-Xmx512m"
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
PRODUCER, CONSUMER = "ProducerPerformance", "ConsumerPerformance"
TUNED = ("acks=all", "batch.size=262144", "linger.ms=10", "buffer.memory=134217728")
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
class Variant:
    """How many producers run at once, and how they compress."""

    producers: int = 1
    compression: str = "none"

    def __str__(self) -> str:
        told = "1 producer" if self.producers == 1 else f"{self.producers} producers"
        return told if self.compression == "none" else f"{told}, {self.compression}"


VARIANTS = tuple(Variant(count, by) for by in ("none", "lz4") for count in (1, 2))


def produce(arena: Arena, topic: str, count: int, variant: Variant = VARIANTS[0]) -> Observed:
    """Run `kafka-producer-perf-test` with our records as its payloads; a half is its warm-up."""
    payloads, each = arena.folder / "payloads.ndjson", count // variant.producers
    payloads.write_bytes(b"\n".join(records.lines()))
    arguments = (
        *("--topic", topic, "--throughput", "-1", "--payload-file", str(payloads)),
        *("--command-property", *TUNED, f"compression.type={variant.compression}"),
        *("--warmup-records", str(each // 2)),
    )
    children: list[tuple[Child, Progress]] = [
        (_child(arena, PRODUCER, each, arguments, number), Sent(each // 2))
        for number in range(variant.producers)
    ]
    seen = steady(children, _broker(arena), LIMIT_SECONDS)
    texts = ["\n".join(lines) for lines in seen.lines]
    found = [(WHOLE.search(text), STEADY.search(text)) for text in texts]
    told = [(int(whole[1]), *map(float, late.groups())) for whole, late in found if whole and late]
    if len(told) < variant.producers:
        raise RunFailed("\n".join(text[-500:] for text in texts))
    sent, p50, p99 = zip(*told, strict=True)
    return _observed(seen, sum(sent), max(p50), max(p99))


def consume(arena: Arena, topic: str, count: int) -> Observed:
    """Run `kafka-consumer-perf-test` from the first record of a topic on; a half is its warm-up."""
    arguments = (
        *("--topic", topic, "--hide-header", "--show-detailed-stats"),
        *("--timeout", str(PATIENCE_MILLISECONDS)),
    )

    def progress(line: str) -> int | None:
        done = received(line)
        return done if done is not None and done >= count // 2 else None

    child = _child(arena, CONSUMER, count, arguments)
    seen = steady([(child, progress)], _broker(arena), LIMIT_SECONDS)
    return _observed(seen, max(filter(None, map(received, seen.lines[0]))))


def _observed(seen: Steady, records: int, p50_ms: float = 0.0, p99_ms: float = 0.0) -> Observed:
    """Return what tools did in all, and in their steady window; a consumer has no latency."""
    window = Window(seen.use.seconds, 0, round(seen.records), p50_ms, p99_ms)
    return Observed(window, Total(records=records), seen.use)


class Sent:
    """Adds up the windows that the producer prints once it is warm.

    It is silent about the records that wait in its buffer as its warm-up ends: all windows together
    are fewer than were sent.
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


def _broker(arena: Arena) -> Mapping[str, int]:
    return {role: pid for role, pid in arena.families.items() if role == "broker"}


def _child(
    arena: Arena, tool: str, count: int, arguments: tuple[str, ...], number: int = 0
) -> Child:
    java, jars = str(find_java()), class_path("tools", lambda _line: None)
    command = (
        *(java, HEAP, QUIET, "-cp", jars, f"{TOOLS}.{tool}"),
        *("--bootstrap-server", arena.bootstrap, "--num-records", str(count)),
        *("--reporting-interval", str(REPORT_MILLISECONDS), *arguments),
    )
    return Child(command, arena.folder / f"{tool}-{number}.log")
