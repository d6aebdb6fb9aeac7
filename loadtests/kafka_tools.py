"""Kafka's own benchmark tools, which speak no HTTP and check nothing: the bar to reach.

They are tuned: batches of 256 KiB, gathered for up to 10 ms, in a buffer of 128 MiB; one producer
and two at once, with lz4 and without. A JVM compiles what is hot only after some hundred thousand
records, and a consumer must join its group first. So each tool runs until it is warm, and what
counts is the windows that it prints from then on: records, time and processor time of its whole
process, start and end left out. `run`, in a process of its own, starts the tools and tells marks as
every generator does, the end anew with each window.
"""

import asyncio
import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.local.artifacts import class_path
from deploy.local.java import find_java
from loadtests import records
from loadtests.arena import Arena
from loadtests.runs import Child, Observed, observe
from loadtests.tally import BEGIN, DONE, END, LATENCY, Total, Window, tell

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
    command = _command(arena, PRODUCER, each, arguments)
    return _observed(arena, PRODUCER, [command] * variant.producers, each // 2)


def consume(arena: Arena, topic: str, count: int) -> Observed:
    """Run `kafka-consumer-perf-test` from the first record of a topic on; a half is its warm-up."""
    arguments = (
        *("--topic", topic, "--hide-header", "--show-detailed-stats"),
        *("--timeout", str(PATIENCE_MILLISECONDS)),
    )
    return _observed(arena, CONSUMER, [_command(arena, CONSUMER, count, arguments)], count // 2)


def _command(arena: Arena, tool: str, count: int, arguments: Sequence[str]) -> list[str]:
    java, jars = str(find_java()), class_path("tools", lambda _line: None)
    return [
        *(java, HEAP, QUIET, "-cp", jars, f"{TOOLS}.{tool}"),
        *("--bootstrap-server", arena.bootstrap, "--num-records", str(count)),
        *("--reporting-interval", str(REPORT_MILLISECONDS), *arguments),
    ]


def _observed(
    arena: Arena, tool: str, commands: Sequence[Sequence[str]], warm_up_records: int
) -> Observed:
    child = Child.calling(arena.folder / f"{tool}.log", run, commands, warm_up_records)
    broker = {role: pid for role, pid in arena.families.items() if role == "broker"}
    return observe(child, broker, LIMIT_SECONDS)


class Tool:
    """One tool: how many records it has done, as it says itself, and its last sums.

    The producer is silent about the records that wait in its buffer as its warm-up ends: all its
    windows together are fewer than were sent.
    """

    def __init__(self, warm_up_records: int) -> None:
        self.done, self.sums = 0, (0.0, 0.0)
        self.sent: int | None = None
        self._warm_up, self._is_steady = warm_up_records, False

    @property
    def is_warm(self) -> bool:
        return self.done > self._warm_up

    def said(self, line: str) -> None:
        if line == WARM:
            self.done, self._is_steady = self._warm_up, True
        elif (window := WINDOW.search(line)) and self._is_steady:
            self.done += int(window[1])
        elif (taken := received(line)) is not None:
            self.done = self.sent = taken
        elif whole := WHOLE.search(line):
            self.sent = int(whole[1])
        elif late := STEADY.search(line):
            self.sums = float(late[1]), float(late[2])


class Watch:
    """Tells the window in which all tools were warm, and none had ended."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools, self._at, self._base, self._ended = tools, 0.0, 0, False

    async def follow(self, tool: Tool, command: Sequence[str]) -> None:
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert process.stdout is not None  # noqa: S101 - narrows the type
        async for line in process.stdout:
            tool.said(line.decode().rstrip())
            self.look()
        self._ended = True
        if await process.wait():
            raise subprocess.CalledProcessError(process.returncode or 0, command[0])

    def look(self) -> None:
        """Mark the beginning once, then the end anew: the last one counts."""
        done = sum(tool.done for tool in self._tools)
        if self._ended or not all(tool.is_warm for tool in self._tools) or done == self._base:
            return
        now = time.perf_counter()
        if self._at:
            tell(END, Window(now - self._at, 0, done - self._base))
        else:
            self._at, self._base = now, done
            tell(BEGIN)


async def run(commands: Sequence[Sequence[str]], warm_up_records: int) -> None:
    """Start the tools, follow what they print, tell it; raises CalledProcessError.

    Each is warm once it has done so many records.
    """
    tools = [Tool(warm_up_records) for _ in commands]
    watch = Watch(tools)
    await asyncio.gather(*map(watch.follow, tools, commands))
    p50, p99 = (max(tool.sums[place] for tool in tools) for place in (0, 1))
    tell(LATENCY, {"p50_ms": p50, "p99_ms": p99})
    tell(DONE, Total(records=sum(tool.sent or 0 for tool in tools)))


def received(line: str) -> int | None:
    """Return how many records the consumer says that it has by now."""
    cells = line.split(",")
    return int(cells[RECORDS_COLUMN]) if len(cells) == COLUMNS else None
