"""The rows of the benchmark: what is asked of which system, by which generator."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from loadtests import wrk
from loadtests.beside import BESIDE, singles_beside_batches
from loadtests.bridges import Bridge
from loadtests.measuring import (
    CONSUMER_TEST,
    LOCUST,
    NAIVE,
    PRODUCER_TEST,
    RAW,
    SHUYUAN,
    WRK,
    Measuring,
)
from loadtests.references import Naive
from loadtests.results import Case
from loadtests.stage import (
    BATCH,
    CATCH_UP,
    LARGE_PAGE,
    MASKED,
    MASKED_TAIL,
    PAGE,
    TAIL,
    Pace,
    Stage,
    generate,
)
from loadtests.workloads import Publish, Pull, Work
from loadtests.world import under_usual_limits

CAPACITY = Pace(1.0, 3.0)
STORM = "storm"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; a `story` is told once, after the rounds."""

    name: str
    system: str
    generator: str
    run: Callable[[Pace], Case]
    story: bool = False

    @property
    def row(self) -> tuple[str, str, str]:
        return self.name, self.system, self.generator

    @property
    def spare(self) -> bool:
        """Whether wrk asks the same where it is installed."""
        return self.generator == RAW and not self.story and WRK in generators()


@dataclass(frozen=True, slots=True)
class Cast:
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
    Cast("pull-500-tail", 8, ["PullTail"]),
    Cast("query", 32, ["Query"], story=True),
    Cast("verify", 32, ["Verify"], story=True),
    Cast("pull-catch-up", 4, ["CatchUp"], story=True),
    Cast("long-poll", 101, ["Ticker", "LongPoll"], story=True),
    Cast("mixed", 40, ["WorkingDay"], story=True),
    Cast(STORM, 204, ["Bystander", "Storm"], story=True),
    Cast("revocation", 40, ["Revoker", "Revoked", "RevokedWaiting"], story=True, stretch=2.0),
)
# Pages that many have asked for: what is shown of them is at hand as well.
SHARED = "pull-500-masked-tail"
_NAMES = [cast.name for cast in CASTS]
ORDER = (*_NAMES[:4], SHARED, *_NAMES[4:], BESIDE)


BRIDGE_CASTS = (
    Cast("publish-500", 8, ["BridgePublishBatch"]),
    Cast("publish-1", 64, ["BridgePublishSingle"]),
    Cast("pull-500-tail", 8, ["BridgePull"]),
)


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
        *_bridged(measuring, bridges),
        *_own(measuring, stage),
        *_naive(measuring, naive),
        *_tools(measuring),
        *_locust(measuring, stage),
        _beside(stage, done),
    ]
    return sorted(found, key=lambda row: (row.story, ORDER.index(row.name)))


def generators() -> list[str]:
    """Return what can ask beside Locust: wrk where it is installed, and always our own."""
    return [WRK, RAW] if wrk.is_installed() else [RAW]


def _own(measuring: Measuring, stage: Stage) -> list[Row]:
    world, folder = stage.world, stage.folder
    works: Sequence[tuple[str, Work, int]] = (
        ("publish-500", Publish(world.feeds, BATCH), 8),
        ("publish-1", Publish(world.feeds, 1), 64),
        ("publish-1-keyed", Publish(world.feeds, 1, keyed=True), 64),
        ("pull-500-masked", Pull(world.masked, PAGE, str(folder / MASKED)), 8),
        (SHARED, Pull(world.masked, PAGE, str(folder / MASKED_TAIL)), 8),
        ("pull-500-tail", Pull(world.whole, PAGE, str(folder / TAIL)), 8),
        ("pull-catch-up", Pull(world.whole, LARGE_PAGE, str(folder / CATCH_UP)), 4),
    )
    return [
        Row(name, SHUYUAN, by, partial(measuring.drive, by, name, work, callers))
        for name, work, callers in works
        for by in generators()
    ]


def _naive(measuring: Measuring, naive: Naive) -> list[Row]:
    feeds = list(naive.feeds)
    works: Sequence[tuple[str, Work, int]] = (
        ("publish-500", Publish(feeds, BATCH), 8),
        ("publish-1", Publish(feeds, 1), 64),
        ("pull-500-masked", naive.masked, 8),
        ("pull-500-tail", naive.tail, 8),
        ("pull-catch-up", naive.catch_up, 4),
    )
    return [
        Row(name, NAIVE, by, partial(measuring.drive, by, name, work, callers, naive=naive))
        for name, work, callers in works
        for by in generators()
    ]


def _tools(measuring: Measuring) -> list[Row]:
    return [
        Row("publish-500", PRODUCER_TEST, PRODUCER_TEST, measuring.produce),
        Row("pull-catch-up", CONSUMER_TEST, CONSUMER_TEST, measuring.consume),
    ]


def _locust(measuring: Measuring, stage: Stage) -> list[Row]:
    return [
        Row(cast.name, SHUYUAN, LOCUST, _play(measuring, stage, cast), cast.story) for cast in CASTS
    ]


def _play(measuring: Measuring, stage: Stage, cast: Cast) -> Callable[[Pace], Case]:
    plain = partial(measuring.locust, cast.name, cast.users, cast.classes, stretch=cast.stretch)
    if cast.name != STORM:
        return plain

    def limited(pace: Pace) -> Case:
        """Let a system storm that has no limits of its own."""
        world, credentials = stage.world, stage.arena.credentials
        with under_usual_limits(world, credentials, world.consumer):
            return plain(pace)

    return limited


def _bridged(measuring: Measuring, bridges: Sequence[Bridge]) -> list[Row]:
    return [
        Row(
            cast.name,
            bridge.name,
            LOCUST,
            partial(measuring.bridge, bridge, cast.name, cast.users, cast.classes),
        )
        for bridge in bridges
        for cast in BRIDGE_CASTS
    ]


def _beside(stage: Stage, done: Sequence[Case]) -> Row:
    def capacity() -> float:
        """Return the rate of publishing batches in this very session, in records a second."""
        rates = [case.rate for case in done if (case.name, case.system) == ("publish-500", SHUYUAN)]
        if not rates:
            feeds = stage.world.feeds
            window = generate(stage, Publish(feeds, BATCH), 8, CAPACITY).window
            rates = [window.records / window.seconds]
        return statistics.median(rates)

    run = partial(singles_beside_batches, stage, capacity)
    return Row(BESIDE, SHUYUAN, RAW, run, story=True)
