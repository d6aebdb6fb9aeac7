"""Takes one figure: runs a generator, then compares the log with what was acknowledged."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from exchange.log.topics import topic_of
from loadtests import kafka_tools, wrk
from loadtests.bridges import Bridge
from loadtests.kafka_rest import FEEDS
from loadtests.kafka_tools import Amount, Performed
from loadtests.readback import Answer, Question, Topic, delete, ends_of
from loadtests.references import Naive, create_topics
from loadtests.results import Case, all_parts, per_record
from loadtests.runs import Child, Observed, ask, observe
from loadtests.stage import SPARE_SECONDS, Pace, Stage, generate
from loadtests.tally import Run
from loadtests.workloads import Work

SHUYUAN, NAIVE = "shuyuan", "naive"
PRODUCER_TEST, CONSUMER_TEST = "kafka-producer-perf-test", "kafka-consumer-perf-test"
LOCUST, RAW, WRK = "locust", "raw", wrk.NAME
GENERATORS = {RAW: generate, WRK: wrk.generate}
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
BRIDGE_LOCUSTFILE = LOCUSTFILE.with_name("bridge_locustfile.py")
READING_SECONDS = 300.0
# Longer than any long poll of the scenarios: every user gets its last answer.
STOP_TIMEOUT_SECONDS = 30


class Measuring:
    """Measures on a stage; each method returns one run of one case.

    `archive_records` is how many records Kafka's own consumer finds.
    """

    def __init__(self, stage: Stage, archive_records: int) -> None:
        self._stage = stage
        self._archive_records = archive_records

    def drive(
        self,
        generator: str,
        name: str,
        work: Work,
        callers: int,
        pace: Pace,
        naive: Naive | None = None,
    ) -> Case:
        """Let a generator (`RAW` or `WRK`) ask the exchange, or the naive service."""
        topics = naive.feeds if naive else tuple(map(topic_of, self._stage.world.feeds))
        before = self._starts(topics)
        target = (naive.base_url, naive.families) if naive else None
        seen = GENERATORS[generator](self._stage, work, callers, pace, target)
        acknowledged = seen.total.acknowledged
        if not naive:
            acknowledged = {topic_of(each): runs for each, runs in acknowledged.items()}
        found = read_back(self._stage, acknowledged, before, delete=True)
        system, workers = NAIVE if naive else SHUYUAN, self._stage.arena.workers
        return judged(Label(name, system, generator, callers, workers), seen, found)

    def locust(
        self, name: str, users: int, classes: Sequence[str], pace: Pace, stretch: float = 1.0
    ) -> Case:
        """Let Locust's users ask the exchange; `stretch` lengthens the window."""
        pace = replace(pace, seconds=pace.seconds * stretch)
        world = self._stage.world
        before = self._starts(tuple(map(topic_of, [*world.feeds, world.bulletin])))
        limit = pace.warm_up_seconds + pace.seconds + STOP_TIMEOUT_SECONDS + SPARE_SECONDS
        command = locust(self._stage.arena.base_url, self._stage.folder, classes, users, pace)
        child = Child(command, self._stage.log("locust"))
        seen = observe(child, self._stage.arena.families, limit)
        acknowledged = {topic_of(each): runs for each, runs in seen.total.acknowledged.items()}
        found = read_back(self._stage, acknowledged, before, delete=True)
        workers = self._stage.arena.workers
        return judged(Label(name, SHUYUAN, LOCUST, users, workers), seen, found)

    def bridge(
        self, bridge: Bridge, name: str, users: int, classes: Sequence[str], pace: Pace
    ) -> Case:
        """Let Locust's users ask a bridge that speaks the Kafka REST v2 API."""
        bootstrap = bridge.bootstrap
        before = {feed: asyncio.run(ends_of(bootstrap, feed, [0]))[0] for feed in FEEDS}
        limit = pace.warm_up_seconds + pace.seconds + STOP_TIMEOUT_SECONDS + SPARE_SECONDS
        command = locust(bridge.url, self._stage.folder, classes, users, pace, BRIDGE_LOCUSTFILE)
        arena = self._stage.arena
        families = {**arena.families, **bridge.families}
        if not bridge.families:
            del families["gateway"]
        seen = observe(Child(command, self._stage.log("locust")), families, limit)
        topics = [
            Topic(feed, {0: before[feed]}, runs, rewritten=True)
            for feed, runs in seen.total.acknowledged.items()
        ]
        found = _answer(self._stage, Question(bootstrap, topics, delete=True))
        return judged(Label(name, bridge.name, LOCUST, users, 0), seen, found)

    def produce(self, pace: Pace) -> Case:
        """Let Kafka's own producer write our records; its first half is its warm-up."""
        topic, amount = self._tool_topic(kafka_tools.WRITTEN), _halved(pace.perf_records)
        before = sum(self._ends(topic).values())
        made = kafka_tools.produce(self._stage.arena, topic, amount)
        ends = self._ends(topic)
        asyncio.run(delete(self._stage.arena.bootstrap, topic, ends))
        return _tool_case("publish-500", PRODUCER_TEST, made, sum(ends.values()) - before)

    def consume(self, _pace: Pace) -> Case:
        """Let Kafka's own consumer read what its producer wrote; its first half is its warm-up."""
        arena, topic = self._stage.arena, self._tool_topic(kafka_tools.READ)
        missing = self._archive_records - sum(self._ends(topic).values())
        if missing > 0:
            kafka_tools.produce(arena, topic, _halved(missing))
        got = kafka_tools.consume(arena, topic, _halved(self._archive_records))
        there = min(got.records, sum(self._ends(topic).values()))
        return _tool_case("pull-catch-up", CONSUMER_TEST, got, there)

    def _tool_topic(self, name: str) -> str:
        create_topics(self._stage.arena.bootstrap, [name], kafka_tools.PARTITIONS)
        return name

    def _starts(self, topics: Sequence[str]) -> dict[str, int]:
        return {topic: self._stage.ends(topic)[0] for topic in topics}

    def _ends(self, topic: str) -> dict[int, int]:
        return self._stage.ends(topic, kafka_tools.PARTITIONS)


def locust(
    host: str,
    folder: Path,
    classes: Sequence[str],
    users: int,
    pace: Pace,
    file: Path = LOCUSTFILE,
) -> list[str]:
    """Return the command that runs these users headless for one window."""
    return [
        *(sys.executable, "-m", "locust", "-f", str(file), *classes),
        *("--headless", "--users", str(users), "--spawn-rate", "1000"),
        *("--host", host, "--folder", str(folder)),
        *("--warm-up", str(pace.warm_up_seconds), "--window", str(pace.seconds)),
        *("--stop-timeout", str(STOP_TIMEOUT_SECONDS), "--loglevel", "WARNING"),
        "--only-summary",
    ]


def _halved(count: int) -> Amount:
    return Amount(count // 2, count)


@dataclass(frozen=True, slots=True)
class Label:
    """Which row a run belongs to, and how many callers it had."""

    name: str
    system: str
    generator: str
    callers: int
    workers: int


def judged(label: Label, seen: Observed, found: Answer) -> Case:
    """Return the case that a run makes, with whatever the reader of the log found wrong."""
    window, total, cpu_seconds = seen.window, seen.total, all_parts(seen.use)
    faults = [found.faults(), "" if window.requests else "no answer within the window"]
    seconds = window.seconds or 1.0  # none, where no load machine told anything
    complaints = [*total.complaints, *filter(None, faults)]
    return Case(
        name=label.name,
        system=label.system,
        generator=label.generator,
        requests_per_second=round(window.requests / seconds, 1),
        records_per_second=round(window.records / seconds, 1),
        p50_ms=round(window.p50_ms, 2),
        p99_ms=round(window.p99_ms, 2),
        failures=total.failures + sum(map(bool, faults)),
        cpu_seconds=cpu_seconds,
        cpu_us_per_record=per_record(cpu_seconds, window.records),
        records_answered=total.records,
        records_read_back=total.checked + found.read_back,
        seconds=round(window.seconds, 3),
        callers=label.callers,
        workers=label.workers,
        memory_bytes=seen.use.memory_bytes,
        others_cpu_seconds=round(seen.use.others_cpu_seconds, 2),
        refused=total.refused,
        complaints=complaints,
        facts=total.facts,
    )


def read_back(
    stage: Stage,
    acknowledged: Mapping[str, Sequence[Run]],
    starts: Mapping[str, int],
    *,
    delete: bool,
) -> Answer:
    """Compare the log of each topic, from a start on, with what was acknowledged."""
    if not acknowledged:
        return Answer()
    bulletin = topic_of(stage.world.bulletin)
    topics = [
        Topic(topic, {0: start}, list(acknowledged.get(topic, ())), known=topic != bulletin)
        for topic, start in starts.items()
    ]
    return _answer(stage, Question(stage.arena.bootstrap, topics, delete=delete))


def _answer(stage: Stage, question: Question) -> Answer:
    order = msgspec.json.encode(question)
    child = Child.python("loadtests.readback", stage.log("readback"), order)
    return ask(child, Answer, READING_SECONDS)


def _tool_case(name: str, system: str, done: Performed, read_back: int) -> Case:
    use = done.steady.use
    cpu_seconds = all_parts(use)
    return Case(
        name=name,
        system=system,
        generator=system,
        requests_per_second=0.0,
        records_per_second=round(done.steady.records / use.seconds, 1),
        p50_ms=done.p50_ms,
        p99_ms=done.p99_ms,
        failures=int(read_back != done.records),
        cpu_seconds=cpu_seconds,
        cpu_us_per_record=per_record(cpu_seconds, done.steady.records),
        records_answered=done.records,
        records_read_back=read_back,
        seconds=round(use.seconds, 3),
        callers=1,
        workers=0,
        memory_bytes=use.memory_bytes,
        others_cpu_seconds=round(use.others_cpu_seconds, 2),
    )
