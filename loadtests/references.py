"""What the exchange is measured against, in the same run: Kafka's own tools, the naive service."""

import asyncio
import http.client
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.artifacts import class_path
from deploy.local.java import find_java
from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from loadtests import records
from loadtests.arena import Arena
from loadtests.compare.naive import Order
from loadtests.pages import Question
from loadtests.processes import Use
from loadtests.runs import ROOT, Child, RunFailed, whole
from loadtests.stage import PAGE, Stage, fill, write_book

NAIVE_MODULE = "loadtests.compare.naive"
TOOLS = "org.apache.kafka.tools"
HEAP = "-Xmx512m"
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
NAIVE_SECONDS = 60.0
NAIVE_FEEDS = ("naive.feed-1", "naive.feed-2", "naive.feed-3")
NAIVE_ARCHIVE = "naive.archive"
# As many partitions as the feeds have together.
TOOL_TOPIC, TOOL_PARTITIONS = "perf-test", 3
# The last line with percentiles is that of the steady state.
PRODUCED = re.compile(
    r"(\d+) (?:steady state )?records sent, ([\d.]+) records/sec .*?"
    r" (\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th"
)
WARM_UP_SHARE = 3


@dataclass(frozen=True, slots=True)
class Performed:
    """What one of Kafka's tools said of itself; a consumer has no latency."""

    records: int
    records_per_second: float
    p50_ms: float
    p99_ms: float
    use: Use


def create_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    """Create topics that are not a resource's: for what is no part of the exchange."""
    asyncio.run(_create_topics(bootstrap, names, partitions))


async def _create_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


def produce(arena: Arena, count: int, limit_seconds: float) -> Performed:
    """Run `kafka-producer-perf-test` with our records as its payloads, acks=all, no HTTP.

    Its first third is its warm-up; processor time and records are those of the whole process.
    """
    payloads = arena.folder / "payloads.ndjson"
    payloads.write_bytes(b"\n".join(records.lines()))
    lines, use = _tool(
        arena,
        "ProducerPerformance",
        limit_seconds,
        *("--topic", TOOL_TOPIC, "--num-records", str(count), "--throughput", "-1"),
        *("--payload-file", str(payloads), "--bootstrap-server", arena.bootstrap),
        *("--command-property", "acks=all", "--warmup-records", str(count // WARM_UP_SHARE)),
    )
    found = [match for line in lines if (match := PRODUCED.search(line))]
    if not found:
        raise RunFailed("\n".join(lines[-5:]))
    _steady, each_second, p50, p99 = found[-1].groups()
    return Performed(int(found[0][1]), float(each_second), float(p50), float(p99), use)


def consume(arena: Arena, count: int, limit_seconds: float) -> Performed:
    """Run `kafka-consumer-perf-test`; its figure leaves out the time of joining the group."""
    lines, use = _tool(
        arena,
        "ConsumerPerformance",
        limit_seconds,
        *("--topic", TOOL_TOPIC, "--num-records", str(count)),
        *("--bootstrap-server", arena.bootstrap),
        "--hide-header",
    )
    figures = [cell.strip() for cell in lines[-1].split(",")] if lines else []
    if len(figures) != 10:  # noqa: PLR2004 - start, end, MB, MB/s, n, n/s, rebalance, fetch, MB/s, n/s
        raise RunFailed("\n".join(lines[-5:]))
    return Performed(int(figures[4]), float(figures[9]), 0.0, 0.0, use)


def _tool(arena: Arena, name: str, limit_seconds: float, *arguments: str) -> tuple[list[str], Use]:
    java, jars = str(find_java()), class_path("tools", lambda _line: None)
    command = (java, HEAP, QUIET, "-cp", jars, f"{TOOLS}.{name}", *arguments)
    families = {role: pid for role, pid in arena.families.items() if role == "broker"}
    return whole(Child(command, arena.folder / f"{name}.log"), families, limit_seconds)


@dataclass(frozen=True, slots=True)
class Naive:
    """The naive service while it runs; its processes stand where the gateway's do."""

    base_url: str
    families: Mapping[str, int]
    book: Path
    feeds: Sequence[str] = NAIVE_FEEDS
    archive: str = NAIVE_ARCHIVE


@contextmanager
def naive(stage: Stage, archive_records: int) -> Iterator[Naive]:
    """Run the naive service, with as many workers as the gateway has and an archive of its own."""
    arena, topics = stage.arena, [*NAIVE_FEEDS, NAIVE_ARCHIVE]
    create_topics(arena.bootstrap, topics, 1)
    with _served(arena, topics) as (base_url, pid):
        made = Naive(base_url, {**arena.families, "gateway": pid}, arena.folder / "naive.book")
        fill(stage, made.archive, archive_records, (base_url, made.families))
        write_book(stage, _pages(stage, made, archive_records))
        yield made


@contextmanager
def _served(arena: Arena, topics: Sequence[str]) -> Iterator[tuple[str, int]]:
    port = PortBook(arena.folder / "ports.json").choose("naive")
    order, base_url = arena.folder / "naive.json", f"http://{HOST}:{port}"
    told = Order(arena.bootstrap, arena.base_url, port, arena.workers, list(topics))
    order.write_bytes(msgspec.json.encode(told))
    service = Service("naive", arena.folder, ready=lambda: _answers(base_url))
    command = Command((sys.executable, "-m", NAIVE_MODULE, str(order)), directory=ROOT)
    try:
        service.start(command, within_seconds=NAIVE_SECONDS)
        running = service.running()
        if running is None:
            raise RunFailed(service.tail())
        yield base_url, running.pid
    finally:
        service.stop()


def _pages(stage: Stage, made: Naive, archive_records: int) -> Question:
    return Question(
        base_url=made.base_url,
        token=stage.token(stage.world.consumer),
        subscription=made.archive,
        cursor="0",
        offset=0,
        limit=PAGE,
        pages_max=archive_records // PAGE,
        items=list(records.NARROW),
        masked=True,
        bootstrap=stage.arena.bootstrap,
        topic=made.archive,
        path=str(made.book),
    )


def _answers(base_url: str) -> bool:
    place = urlsplit(base_url)
    connection = http.client.HTTPConnection(place.hostname or HOST, place.port, timeout=2)
    try:
        connection.request("GET", "/openapi.json")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        time.sleep(0.1)
        return False
    finally:
        connection.close()
