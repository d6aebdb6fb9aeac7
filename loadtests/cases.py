"""The rows of the benchmark: what is asked of which system, by which generator, and one figure."""

import asyncio
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from exchange.log.topics import topic_of
from loadtests import kafka_tools, readback, references, wrk
from loadtests import targets as facts
from loadtests.arena import Arena
from loadtests.bridges import FEEDS, Bridge
from loadtests.generator import Pace, Publish, Pull, Work
from loadtests.kafka_tools import Variant
from loadtests.readback import Answer, Topic, create_topics
from loadtests.results import Case, Label, Row, judged
from loadtests.runs import Child, Observed, observe
from loadtests.stage import BATCH, PLAIN, SPARE_SECONDS, Plain, Stage, generate
from loadtests.tally import Run, together
from loadtests.targets import BESIDE, LOCUST, NAIVE, RAW, SHUYUAN, TUNED_NAIVE, WRK
from loadtests.ways import ways
from loadtests.world import under_usual_limits

GENERATORS = {RAW: generate, WRK: wrk.generate}
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
BRIDGE_LOCUSTFILE = LOCUSTFILE.with_name("scenarios") / "bridge.py"
# Longer than any long poll of the scenarios: every user gets its last answer.
STOP_TIMEOUT_SECONDS = 30
CAPACITY = Pace(1.0, 3.0)
STORM = "storm"
# What Locust does only once, after the rounds.
TOLD_ONCE = ("pull-catch-up",)
# Single records beside batches: at a fixed share of what is carried, on connections of their own.
SHARE = 0.7
BATCH_CALLERS, SINGLE_CALLERS, SINGLES_PER_SECOND = 16, 32, 400.0
WINDOW_SECONDS = 3.0
# Batches run before the first single record counts, and still after the last one.
LEAD_SECONDS = 1.0


class Cast(NamedTuple):
    """Locust's users of one case; `stretch` lengthens its window where a story needs more time."""

    name: str
    users: int
    classes: Sequence[str]
    story: bool = False
    stretch: float = 1.0


CASTS = (
    *(
        Cast(each.case, each.callers, [each.users], story=each.case in TOLD_ONCE)
        for each in PLAIN
        if each.users
    ),
    Cast("long-poll", 101, ["Ticker", "LongPoll"], story=True),
    Cast("mixed", 40, ["WorkingDay"], story=True),
    Cast(STORM, 204, ["Bystander", "Storm"], story=True),
    Cast("revocation", 40, ["Revoker", "Revoked", "RevokedWaiting"], story=True, stretch=2.0),
)
BRIDGE_CASTS = (
    Cast("publish-500", 8, ["BridgePublishBatch"]),
    Cast("publish-1", 64, ["BridgePublishSingle"]),
    Cast("pull-500", 8, ["BridgePull"]),
)
PLAIN_CASES = [each.case for each in PLAIN]
ONCE = ("long-poll", "mixed", STORM, "revocation", BESIDE, "push-beside-bad")
WAYS = (
    "push",
    "snapshot-parquet",
    "table-out",
    "table-out-mariadb",
    "table-in",
    "table-in-mariadb",
)
ORDER = (*PLAIN_CASES, *WAYS, *ONCE)


def generators() -> list[str]:
    """Return what can ask beside Locust: wrk where it is installed, and always our own."""
    return [WRK, RAW] if wrk.is_installed() else [RAW]


def is_spare(row: Row) -> bool:
    """Whether wrk asks the same where it is installed."""
    return row.label.generator == RAW and row.label.name in PLAIN_CASES and WRK in generators()


def works(stage: Stage) -> dict[str, tuple[Work, int]]:
    """Return what is asked of the exchange in each case, and by how many callers."""

    def work(each: Plain) -> Work:
        if each.book:
            return Pull(stage.path(each.book))
        return Publish(stage.world.feeds, each.records, each.keyed)

    return {each.case: (work(each), each.callers) for each in PLAIN}


def rows(
    stage: Stage,
    naive: Arena,
    tool_archive: int,
    done: Sequence[Case],
    bridges: Sequence[Bridge] = (),
) -> list[Row]:
    """Return all rows in the order of one round: systems of one case stand side by side.

    `tool_archive` is how many records Kafka's own consumer reads; `done` grows as rows are run.
    """
    own = [
        Row(label := Label(name, SHUYUAN, by, callers), partial(drive, stage, label, work))
        for name, (work, callers) in works(stage).items()
        for by in generators()
    ]
    beside = Label(BESIDE, SHUYUAN, RAW, SINGLE_CALLERS, stage.arena.workers)
    found = [
        *(_bridged(stage, bridge, cast) for bridge in bridges for cast in BRIDGE_CASTS),
        *(*own, *_naive(stage, naive), *_tools(stage, tool_archive)),
        *(_locust(stage, cast) for cast in CASTS),
        *ways(stage),
        Row(beside, partial(_beside, stage, beside, done), story=True),
    ]
    return sorted(found, key=lambda row: (row.story, ORDER.index(row.label.name)))


def measured(
    stage: Stage,
    label: Label,
    topics: Iterable[str],
    play: Callable[[], Observed],
    named: Callable[[str], str] = topic_of,
) -> Case:
    """Let a generator play, then compare the log with what it was answered, and delete it.

    `named` is the topic of what a receipt names.
    """
    starts = {topic: stage.ends(topic)[0] for topic in topics}
    seen = play()
    runs = {named(each): found for each, found in seen.total.acknowledged.items()}
    return judged(label, seen, _read_back(stage, runs, starts) if runs else Answer())


def drive(
    stage: Stage,
    label: Label,
    work: Work,
    pace: Pace,
    naive: Arena | None = None,
    feeds: Sequence[str] = (),
) -> Case:
    """Let a generator (`RAW` or `WRK`) ask the exchange, or the naive service."""
    topics = feeds or tuple(map(topic_of, stage.world.feeds))
    asked = partial(GENERATORS[label.generator], stage, work, label.callers, pace, naive)
    own = replace(label, workers=stage.arena.workers)
    return measured(stage, own, topics, asked, str if naive else topic_of)


def _naive(stage: Stage, naive: Arena) -> list[Row]:
    feeds, batched = list(references.FEEDS), list(references.BATCHED_FEEDS)
    pages = partial(references.pages_of, naive)
    asked: Sequence[tuple[str, str, Work, int, list[str]]] = (
        ("publish-500", NAIVE, Publish(feeds, BATCH), 8, feeds),
        ("publish-500", TUNED_NAIVE, Publish(batched, BATCH), 8, batched),
        ("publish-1", NAIVE, Publish(feeds, 1), 64, feeds),
        ("pull-500-masked", NAIVE, pages("masked"), 8, feeds),
        ("pull-500", NAIVE, pages("whole"), 8, feeds),
        ("pull-catch-up", NAIVE, pages("catch-up"), 4, feeds),
        ("file-download", facts.FILES, pages("file"), 4, feeds),
        ("service-call", facts.PROXY, pages("proxy"), 32, feeds),
    )
    return [
        Row(
            label := Label(name, system, by, callers),
            partial(drive, stage, label, work, naive=naive, feeds=topics),
        )
        for name, system, work, callers, topics in asked
        for by in generators()
    ]


def _tools(stage: Stage, archive: int) -> list[Row]:
    produced = [
        Row(
            label := Label("publish-500", facts.PRODUCER_TEST, str(each), each.producers),
            partial(_produced, stage, label, each),
        )
        for each in kafka_tools.VARIANTS
    ]
    consumer = Label("pull-catch-up", facts.CONSUMER_TEST, "1 consumer", 1)
    return [*produced, Row(consumer, partial(_consumed, stage, consumer, archive))]


def _produced(stage: Stage, label: Label, variant: Variant, pace: Pace) -> Case:
    """Let Kafka's own producers write our records; their first half is their warm-up."""
    topic, before = kafka_tools.WRITTEN, _there(stage, kafka_tools.WRITTEN)
    made = kafka_tools.produce(stage.arena, topic, pace.perf_records, variant)
    moved = _there(stage, topic) - before
    ends = stage.ends(topic, kafka_tools.PARTITIONS)
    asyncio.run(readback.delete(stage.arena.bootstrap, topic, ends))
    return judged(label, made, readback.moved(made.total.records, moved))


def _consumed(stage: Stage, label: Label, archive: int, _pace: Pace) -> Case:
    """Let Kafka's own consumer read what its producer wrote; its first half is its warm-up."""
    missing = archive - _there(stage, kafka_tools.READ)
    if missing > 0:
        kafka_tools.produce(stage.arena, kafka_tools.READ, missing)
    got = kafka_tools.consume(stage.arena, kafka_tools.READ, archive)
    there = min(got.total.records, _there(stage, kafka_tools.READ))
    return judged(label, got, readback.moved(got.total.records, there))


def _there(stage: Stage, topic: str) -> int:
    """Return where a topic of Kafka's tools ends, all partitions together; it may be new."""
    asyncio.run(create_topics(stage.arena.bootstrap, [topic], kafka_tools.PARTITIONS))
    return sum(stage.ends(topic, kafka_tools.PARTITIONS).values())


def _locust(stage: Stage, cast: Cast) -> Row:
    label = Label(cast.name, SHUYUAN, LOCUST, cast.users, stage.arena.workers)
    return Row(label, partial(_played, stage, label, cast), cast.story)


def _played(stage: Stage, label: Label, cast: Cast, pace: Pace) -> Case:
    world, topics = stage.world, map(topic_of, [*stage.world.feeds, stage.world.bulletin])
    stretched = replace(pace, seconds=pace.seconds * cast.stretch)
    asked = partial(play, stage, stage.arena, label.callers, cast.classes, stretched)
    limits: AbstractContextManager[None] = nullcontext()
    if cast.name == STORM:
        limits = under_usual_limits(world.base_url, stage.arena.credentials, world.consumer)
    with limits:
        return measured(stage, label, topics, asked)


def _bridged(stage: Stage, bridge: Bridge, cast: Cast) -> Row:
    label = Label(cast.name, bridge.name, LOCUST, cast.users)
    return Row(label, partial(bridged, stage, bridge, label, cast.classes))


def bridged(stage: Stage, bridge: Bridge, label: Label, classes: Sequence[str], pace: Pace) -> Case:
    """Let Locust's users ask a bridge that speaks the Kafka REST v2 API."""
    before = {feed: readback.ends(bridge.bootstrap, feed)[0] for feed in FEEDS}
    service = bridge.beside(stage.arena)
    seen = play(stage, service, label.callers, classes, pace, BRIDGE_LOCUSTFILE)
    topics = [
        Topic(feed, {0: before[feed]}, runs, rewritten=True)
        for feed, runs in seen.total.acknowledged.items()
    ]
    found = readback.compare(bridge.bootstrap, topics, delete_read=True)
    return judged(label, seen, asyncio.run(found))


def play(
    stage: Stage,
    service: Arena,
    users: int,
    classes: Sequence[str],
    pace: Pace,
    file: Path = LOCUSTFILE,
) -> Observed:
    """Run these users of Locust headless for one window."""
    command = [
        *(sys.executable, "-m", "locust", "-f", str(file), *classes),
        *("--headless", "--users", str(users), "--spawn-rate", "1000", "--only-summary"),
        *("--host", service.base_url, "--folder", str(stage.folder)),
        *("--warm-up", str(pace.warm_up_seconds), "--window", str(pace.seconds)),
        *("--stop-timeout", str(STOP_TIMEOUT_SECONDS), "--loglevel", "WARNING"),
    ]
    limit = pace.warm_up_seconds + pace.seconds + STOP_TIMEOUT_SECONDS + SPARE_SECONDS
    return observe(Child(command, stage.log("locust")), service.families, limit)


def _read_back(
    stage: Stage, runs: Mapping[str, Sequence[Run]], starts: Mapping[str, int]
) -> Answer:
    """Compare the log of each topic, from a start on, with what was acknowledged; delete it."""
    bulletin = topic_of(stage.world.bulletin)
    topics = [
        Topic(topic, {0: start}, runs.get(topic, ()), known=topic != bulletin)
        for topic, start in starts.items()
    ]
    return asyncio.run(readback.compare(stage.arena.bootstrap, topics, delete_read=True))


@dataclass(frozen=True, slots=True)
class Pair:
    """Single records alone, and beside batches."""

    alone: Observed
    beside: Observed
    batches: Observed

    @property
    def ratio(self) -> float:
        return self.beside.window.p99_ms / self.alone.window.p99_ms


def _beside(stage: Stage, label: Label, done: Sequence[Case], pace: Pace) -> Case:
    """Tell how much longer single records take while the exchange is well loaded (P9).

    Batches come at a fixed share of what this very run has measured, single records at the same
    rate with and without them; both come when they are due. Runs with and without batches take
    turns, and each pair gives one ratio.
    """
    rate = _capacity(stage, done) * SHARE / BATCH

    def play() -> Observed:
        seen = sorted((_pair(stage, rate, pace) for _ in range(pace.pairs)), key=lambda p: p.ratio)
        runs = [each for pair in seen for each in (pair.alone, pair.beside, pair.batches)]
        total = together([each.total for each in runs])
        total.facts = {**_facts(seen), facts.BATCHES_DUE: rate}
        chosen = seen[(len(seen) - 1) // 2].beside
        return Observed(chosen.window, total, chosen.use)

    return measured(stage, label, map(topic_of, stage.world.feeds), play)


def _capacity(stage: Stage, done: Sequence[Case]) -> float:
    """Return the rate of publishing batches in this very session, in records a second."""
    rates = [case.rate for case in done if case.row[:2] == ("publish-500", SHUYUAN)]
    if not rates:
        window = generate(stage, *works(stage)["publish-500"], CAPACITY).window
        rates = [window.records / window.seconds]
    return statistics.median(rates)


def _pair(stage: Stage, rate: float, pace: Pace) -> Pair:
    warm_up, seconds = pace.warm_up_seconds, min(pace.seconds, WINDOW_SECONDS)
    # Apart: on one resource a record waits for the batch before it, because order is kept.
    mine, *theirs = stage.world.feeds
    singles, batches = Publish([mine], 1), Publish(theirs, BATCH)
    without = Pace(warm_up, seconds, rate=SINGLES_PER_SECOND)
    within = replace(without, warm_up_seconds=warm_up + LEAD_SECONDS)
    around = Pace(0.0, warm_up + seconds + 2 * LEAD_SECONDS, rate=rate, yields=True)
    alone = generate(stage, singles, SINGLE_CALLERS, without)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(generate, stage, batches, BATCH_CALLERS, around)
        beside = generate(stage, singles, SINGLE_CALLERS, within)
        return Pair(alone, beside, running.result())


def _facts(pairs: list[Pair]) -> dict[str, float]:
    ratios = [pair.ratio for pair in pairs]
    windows = [pair.batches.window for pair in pairs]
    return {
        facts.P99_RATIO: statistics.median(ratios),
        facts.P99_RATIO_LEAST: min(ratios),
        facts.P99_RATIO_MOST: max(ratios),
        facts.P99_ALONE: statistics.median(pair.alone.window.p99_ms for pair in pairs),
        facts.P99_BESIDE: statistics.median(pair.beside.window.p99_ms for pair in pairs),
        facts.BATCHES_ANSWERED: statistics.median(w.requests / w.seconds for w in windows),
    }
