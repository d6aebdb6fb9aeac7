"""The rows of the benchmark: what is asked of which system, by which generator."""

import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from exchange.log.topics import topic_of
from loadtests import kafka_tools, wrk
from loadtests import stage as stages
from loadtests import targets as facts
from loadtests.bridges import Bridge
from loadtests.generator import Publish, Pull, Work
from loadtests.measuring import Label, Measuring, acknowledged, judged, naive_feeds, read_back
from loadtests.references import Naive
from loadtests.results import Case
from loadtests.runs import Observed
from loadtests.stage import BATCH, Pace, Stage, generate
from loadtests.tally import together
from loadtests.targets import (
    BESIDE,
    CONSUMER_TEST,
    LOCUST,
    NAIVE,
    PRODUCER_TEST,
    RAW,
    SHUYUAN,
    TUNED_NAIVE,
    WRK,
)
from loadtests.world import under_usual_limits

CAPACITY = Pace(1.0, 3.0)
STORM = "storm"
# Single records beside batches: at a fixed share of what is carried, on connections of their own.
SHARE = 0.7
BATCH_CALLERS, SINGLE_CALLERS = 16, 32
SINGLES_PER_SECOND = 400.0
WINDOW_SECONDS = 3.0
# Batches run before the first single record counts, and still after the last one.
LEAD_SECONDS = 1.0

Run = Callable[[Pace], Case]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; a `story` is told once, after the rounds."""

    name: str
    system: str
    generator: str
    run: Run
    story: bool = False

    @property
    def row(self) -> tuple[str, str, str]:
        return self.name, self.system, self.generator

    @property
    def spare(self) -> bool:
        """Whether wrk asks the same where it is installed."""
        return self.generator == RAW and not self.story and WRK in generators()


class Cast(NamedTuple):
    """Locust's users of one case; `stretch` lengthens its window where a story needs more time."""

    name: str
    users: int
    classes: Sequence[str]
    story: bool = False
    stretch: float = 1.0


CASTS = (
    Cast("publish-500", 8, ["PublishBatch"]),
    Cast("publish-1", 64, ["PublishSingle"]),
    Cast("publish-1-keyed", 64, ["PublishSingleKeyed"]),
    Cast("pull-500-masked", 8, ["PullMasked"]),
    Cast("pull-500", 8, ["PullWhole"]),
    Cast("pull-500-tail", 8, ["PullTail"]),
    Cast("query", 32, ["Query"]),
    Cast("verify", 32, ["Verify"]),
    Cast("pull-catch-up", 4, ["CatchUp"], story=True),
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
ORDER = (
    *("publish-500", "publish-1", "publish-1-keyed", "pull-500-masked", "pull-500-masked-quota"),
    *("pull-500", "pull-catch-up", "pull-500-masked-tail", "pull-500-tail", "query", "verify"),
    *("long-poll", "mixed", STORM, "revocation", BESIDE),
)


def generators() -> list[str]:
    """Return what can ask beside Locust: wrk where it is installed, and always our own."""
    return [WRK, RAW] if wrk.is_installed() else [RAW]


def works(stage: Stage) -> dict[str, tuple[Work, int]]:
    """Return what is asked of the exchange in each case, and by how many callers."""

    def pull(book: str) -> Pull:
        return Pull(stage.path(book))

    feeds = stage.world.feeds
    return {
        "publish-500": (Publish(feeds, BATCH), 8),
        "publish-1": (Publish(feeds, 1), 64),
        "publish-1-keyed": (Publish(feeds, 1, keyed=True), 64),
        "pull-500-masked": (pull(stages.MASKED), 8),
        "pull-500-masked-quota": (pull(stages.LIMITED), 8),
        "pull-500": (pull(stages.WHOLE), 8),
        "pull-catch-up": (pull(stages.CATCH_UP), 4),
        "pull-500-masked-tail": (pull(stages.MASKED_TAIL), 8),
        "pull-500-tail": (pull(stages.TAIL), 8),
        "query": (pull(stages.QUERY), 32),
        "verify": (pull(stages.VERIFY), 32),
    }


def rows(
    stage: Stage,
    naive: Naive,
    tool_archive: int,
    done: Sequence[Case],
    bridges: Sequence[Bridge] = (),
) -> list[Row]:
    """Return all rows in the order of one round: systems of one case stand side by side.

    `tool_archive` is how many records Kafka's own consumer reads; `done` grows as rows are run.
    """
    measuring = Measuring(stage, tool_archive)
    found = [
        *(_bridged(measuring, bridge, cast) for bridge in bridges for cast in BRIDGE_CASTS),
        *(
            _driven(measuring, Label(name, SHUYUAN, by, callers), work)
            for name, (work, callers) in works(stage).items()
            for by in generators()
        ),
        *_naive(measuring, naive),
        *_tools(measuring),
        *(_played(measuring, stage, cast) for cast in CASTS),
        Row(BESIDE, SHUYUAN, RAW, partial(_beside, stage, done), story=True),
    ]
    return sorted(found, key=lambda row: (row.story, ORDER.index(row.name)))


def _driven(
    measuring: Measuring,
    label: Label,
    work: Work,
    naive: Naive | None = None,
    feeds: Sequence[str] = (),
) -> Row:
    def run(pace: Pace) -> Case:
        return measuring.drive(label, work, pace, naive, feeds)

    return Row(label.name, label.system, label.generator, run)


def _naive(measuring: Measuring, naive: Naive) -> list[Row]:
    feeds, batched = (list(naive_feeds(system)) for system in (NAIVE, TUNED_NAIVE))
    asked: Sequence[tuple[str, str, Work, int, list[str]]] = (
        ("publish-500", NAIVE, Publish(feeds, BATCH), 8, feeds),
        ("publish-500", TUNED_NAIVE, Publish(batched, BATCH), 8, batched),
        ("publish-1", NAIVE, Publish(feeds, 1), 64, feeds),
        ("pull-500-masked", NAIVE, naive.pages("masked"), 8, feeds),
        ("pull-500", NAIVE, naive.pages("whole"), 8, feeds),
        ("pull-catch-up", NAIVE, naive.pages("catch-up"), 4, feeds),
    )
    return [
        _driven(measuring, Label(name, system, by, callers), work, naive, topics)
        for name, system, work, callers, topics in asked
        for by in generators()
    ]


def _tools(measuring: Measuring) -> list[Row]:
    produced = [
        Row("publish-500", PRODUCER_TEST, str(each), partial(measuring.produce, each))
        for each in kafka_tools.VARIANTS
    ]
    return [*produced, Row("pull-catch-up", CONSUMER_TEST, "1 consumer", measuring.consume)]


def _played(measuring: Measuring, stage: Stage, cast: Cast) -> Row:
    label = Label(cast.name, SHUYUAN, LOCUST, cast.users)

    def play(pace: Pace) -> Case:
        stretched = replace(pace, seconds=pace.seconds * cast.stretch)
        return measuring.locust(label, cast.classes, stretched)

    def limited(pace: Pace) -> Case:
        """Let a system storm that has no limits of its own."""
        world = stage.world
        with under_usual_limits(world, stage.arena.credentials, world.consumer):
            return play(pace)

    run = limited if cast.name == STORM else play
    return Row(cast.name, SHUYUAN, LOCUST, run, cast.story)


def _bridged(measuring: Measuring, bridge: Bridge, cast: Cast) -> Row:
    label = Label(cast.name, bridge.name, LOCUST, cast.users)
    run = partial(measuring.bridge, bridge, label, cast.classes)
    return Row(cast.name, bridge.name, LOCUST, run)


@dataclass(frozen=True, slots=True)
class Pair:
    """Single records alone, and beside batches."""

    alone: Observed
    beside: Observed
    batches: Observed

    @property
    def ratio(self) -> float:
        return self.beside.window.p99_ms / self.alone.window.p99_ms


def _beside(stage: Stage, done: Sequence[Case], pace: Pace) -> Case:
    """Tell how much longer single records take while the exchange is well loaded (P9).

    Batches come at a fixed share of what this very run has measured, single records at the same
    rate with and without them; both come when they are due. Runs with and without batches take
    turns, and each pair gives one ratio.
    """
    rate = _capacity(stage, done) * SHARE / BATCH
    starts = {topic_of(feed): stage.ends(topic_of(feed))[0] for feed in stage.world.feeds}
    seen = sorted((_pair(stage, rate, pace) for _ in range(pace.pairs)), key=lambda p: p.ratio)
    total = together(
        [each.total for pair in seen for each in (pair.alone, pair.beside, pair.batches)]
    )
    total.facts = {**_facts(seen), facts.BATCHES_DUE: rate}
    found = read_back(stage, acknowledged(total), starts, delete=True)
    chosen = seen[(len(seen) - 1) // 2].beside
    label = Label(BESIDE, SHUYUAN, RAW, SINGLE_CALLERS, stage.arena.workers)
    return judged(label, Observed(chosen.window, total, chosen.use), found)


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
