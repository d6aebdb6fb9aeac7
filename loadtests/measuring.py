"""Takes one figure: runs a generator, then compares the log with what was acknowledged."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exchange.log.topics import topic_of
from loadtests import kafka_tools, references, wrk
from loadtests.bridges import FEEDS, Bridge
from loadtests.generator import Work
from loadtests.kafka_tools import Performed, Variant
from loadtests.readback import Answer, Question, Topic, delete, ends_of
from loadtests.references import Naive, create_topics
from loadtests.results import Case, all_parts, per_record
from loadtests.runs import Child, Observed, ask, observe
from loadtests.stage import SPARE_SECONDS, Pace, Stage, generate
from loadtests.tally import Run, Total
from loadtests.targets import CONSUMER_TEST, NAIVE, PRODUCER_TEST, RAW, WRK

GENERATORS = {RAW: generate, WRK: wrk.generate}
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
BRIDGE_LOCUSTFILE = LOCUSTFILE.with_name("scenarios") / "bridge.py"
READING_SECONDS = 300.0
# Longer than any long poll of the scenarios: every user gets its last answer.
STOP_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Label:
    """Which row a run belongs to, and how many callers it had."""

    name: str
    system: str
    generator: str
    callers: int
    workers: int = 0


class Measuring:
    """Measures on a stage; each method returns one run of one case.

    `archive_records` is how many records Kafka's own consumer finds.
    """

    def __init__(self, stage: Stage, archive_records: int) -> None:
        self._stage = stage
        self._archive_records = archive_records

    def drive(
        self,
        label: Label,
        work: Work,
        pace: Pace,
        naive: Naive | None = None,
        feeds: Sequence[str] = (),
    ) -> Case:
        """Let a generator (`RAW` or `WRK`) ask the exchange, or the naive service."""
        topics = feeds or tuple(map(topic_of, self._stage.world.feeds))
        before = {topic: self._stage.ends(topic)[0] for topic in topics}
        target = (naive.base_url, naive.families) if naive else None
        seen = GENERATORS[label.generator](self._stage, work, label.callers, pace, target)
        runs = seen.total.acknowledged if naive else acknowledged(seen.total)
        found = read_back(self._stage, runs, before, delete=True)
        return judged(replace(label, workers=self._stage.arena.workers), seen, found)

    def locust(self, label: Label, classes: Sequence[str], pace: Pace) -> Case:
        """Let Locust's users ask the exchange."""
        stage = self._stage
        topics = map(topic_of, [*stage.world.feeds, stage.world.bulletin])
        before = {topic: stage.ends(topic)[0] for topic in topics}
        seen = self._play(stage.arena.base_url, stage.arena.families, label, classes, pace)
        found = read_back(stage, acknowledged(seen.total), before, delete=True)
        return judged(replace(label, workers=stage.arena.workers), seen, found)

    def bridge(self, bridge: Bridge, label: Label, classes: Sequence[str], pace: Pace) -> Case:
        """Let Locust's users ask a bridge that speaks the Kafka REST v2 API."""
        before = {feed: asyncio.run(ends_of(bridge.bootstrap, feed, [0]))[0] for feed in FEEDS}
        families = {**self._stage.arena.families, **bridge.families}
        if not bridge.families:
            del families["gateway"]
        seen = self._play(bridge.url, families, label, classes, pace, BRIDGE_LOCUSTFILE)
        topics = [
            Topic(feed, {0: before[feed]}, runs, rewritten=True)
            for feed, runs in seen.total.acknowledged.items()
        ]
        found = _answer(self._stage, Question(bridge.bootstrap, topics, delete=True))
        return judged(label, seen, found)

    def _play(
        self,
        host: str,
        families: Mapping[str, int],
        label: Label,
        classes: Sequence[str],
        pace: Pace,
        file: Path = LOCUSTFILE,
    ) -> Observed:
        """Run these users headless for one window."""
        command = [
            *(sys.executable, "-m", "locust", "-f", str(file), *classes),
            *("--headless", "--users", str(label.callers), "--spawn-rate", "1000"),
            *("--host", host, "--folder", str(self._stage.folder)),
            *("--warm-up", str(pace.warm_up_seconds), "--window", str(pace.seconds)),
            *("--stop-timeout", str(STOP_TIMEOUT_SECONDS), "--loglevel", "WARNING"),
            "--only-summary",
        ]
        limit = pace.warm_up_seconds + pace.seconds + STOP_TIMEOUT_SECONDS + SPARE_SECONDS
        return observe(Child(command, self._stage.log("locust")), families, limit)

    def produce(self, variant: Variant, pace: Pace) -> Case:
        """Let Kafka's own producers write our records; their first half is their warm-up."""
        topic = self._tool_topic(kafka_tools.WRITTEN)
        before = sum(self._ends(topic).values())
        made = kafka_tools.produce(self._stage.arena, topic, pace.perf_records, variant)
        ends = self._ends(topic)
        asyncio.run(delete(self._stage.arena.bootstrap, topic, ends))
        label = Label("publish-500", PRODUCER_TEST, str(variant), variant.producers)
        return _tool_case(label, made, sum(ends.values()) - before)

    def consume(self, _pace: Pace) -> Case:
        """Let Kafka's own consumer read what its producer wrote; its first half is its warm-up."""
        arena, topic = self._stage.arena, self._tool_topic(kafka_tools.READ)
        missing = self._archive_records - sum(self._ends(topic).values())
        if missing > 0:
            kafka_tools.produce(arena, topic, missing)
        got = kafka_tools.consume(arena, topic, self._archive_records)
        there = min(got.records, sum(self._ends(topic).values()))
        return _tool_case(Label("pull-catch-up", CONSUMER_TEST, "1 consumer", 1), got, there)

    def _tool_topic(self, name: str) -> str:
        create_topics(self._stage.arena.bootstrap, [name], kafka_tools.PARTITIONS)
        return name

    def _ends(self, topic: str) -> dict[int, int]:
        return self._stage.ends(topic, kafka_tools.PARTITIONS)


def naive_feeds(system: str) -> tuple[str, ...]:
    return references.FEEDS if system == NAIVE else references.BATCHED_FEEDS


def acknowledged(total: Total) -> dict[str, list[Run]]:
    """Return the runs that receipts name, by topic."""
    return {topic_of(each): runs for each, runs in total.acknowledged.items()}


def judged(label: Label, seen: Observed, found: Answer) -> Case:
    """Return the case that a run makes, with whatever the reader of the log found wrong."""
    window, total, cpu_seconds = seen.window, seen.total, all_parts(seen.use)
    faults = [found.faults(), "" if window.requests else "no answer within the window"]
    seconds = window.seconds or 1.0  # none, where no load machine told anything
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
        complaints=[*total.complaints, *filter(None, faults)],
        facts=total.facts,
    )


def read_back(
    stage: Stage, runs: Mapping[str, Sequence[Run]], starts: Mapping[str, int], *, delete: bool
) -> Answer:
    """Compare the log of each topic, from a start on, with what was acknowledged."""
    if not runs:
        return Answer()
    bulletin = topic_of(stage.world.bulletin)
    topics = [
        Topic(topic, {0: start}, list(runs.get(topic, ())), known=topic != bulletin)
        for topic, start in starts.items()
    ]
    return _answer(stage, Question(stage.arena.bootstrap, topics, delete=delete))


def _answer(stage: Stage, question: Question) -> Answer:
    child = Child.python("loadtests.readback", stage.log("readback"), question)
    return ask(child, Answer, READING_SECONDS)


def _tool_case(label: Label, done: Performed, read_back: int) -> Case:
    use, count = done.steady.use, done.steady.records
    cpu_seconds = all_parts(use)
    return Case(
        name=label.name,
        system=label.system,
        generator=label.generator,
        requests_per_second=0.0,
        records_per_second=round(count / use.seconds, 1),
        p50_ms=done.p50_ms,
        p99_ms=done.p99_ms,
        failures=int(read_back != done.records),
        cpu_seconds=cpu_seconds,
        cpu_us_per_record=per_record(cpu_seconds, count),
        records_answered=done.records,
        records_read_back=read_back,
        seconds=round(use.seconds, 3),
        callers=label.callers,
        workers=0,
        memory_bytes=use.memory_bytes,
        others_cpu_seconds=round(use.others_cpu_seconds, 2),
    )
