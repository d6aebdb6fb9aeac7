"""The rows of the benchmark: what is asked of which system, by which generator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from loadtests.measuring import (
    CONSUMER_TEST,
    LOCUST,
    NAIVE,
    PRODUCER_TEST,
    RAW,
    SHUYUAN,
    Measuring,
)
from loadtests.references import Naive
from loadtests.results import Case
from loadtests.stage import BATCH, CATCH_UP, LARGE_PAGE, MASKED, PAGE, TAIL, Pace, Stage
from loadtests.workloads import Publish, Pull, Work


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; a `story` is told once, at the end of the first round."""

    name: str
    system: str
    generator: str
    run: Callable[[Pace], Case]
    story: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """Locust's users of one case."""

    name: str
    users: int
    classes: Sequence[str]
    story: bool = False


CASTS = (
    Cast("publish-500", 8, ["PublishBatch"]),
    Cast("publish-1", 64, ["PublishSingle"]),
    Cast("publish-1-keyed", 64, ["PublishSingleKeyed"]),
    Cast("pull-500-masked", 8, ["PullMasked"]),
    Cast("pull-500-tail", 8, ["PullTail"]),
    Cast("pull-catch-up", 4, ["CatchUp"], story=True),
    Cast("long-poll", 101, ["Ticker", "LongPoll"], story=True),
    Cast("mixed", 40, ["WorkingDay"], story=True),
    Cast("storm", 200, ["Storm"], story=True),
    Cast("revocation", 13, ["Revoker", "Revoked", "RevokedWaiting"], story=True),
)


def rows(stage: Stage, naive: Naive) -> list[Row]:
    """Return all rows in the order of one round: systems of one case stand side by side."""
    measuring = Measuring(stage)
    found = [
        *_raw(measuring, stage),
        *_naive(measuring, naive),
        *_tools(measuring),
        *_locust(measuring),
    ]
    return sorted(found, key=lambda row: (row.story, _place(row.name)))


def _place(name: str) -> int:
    return [cast.name for cast in CASTS].index(name)


def _raw(measuring: Measuring, stage: Stage) -> list[Row]:
    world, folder = stage.world, stage.folder
    works: Sequence[tuple[str, Work, int]] = (
        ("publish-500", Publish(world.feeds, BATCH), 8),
        ("publish-1", Publish(world.feeds, 1), 64),
        ("publish-1-keyed", Publish(world.feeds, 1, keyed=True), 64),
        ("pull-500-masked", Pull(world.masked, PAGE, str(folder / MASKED)), 8),
        ("pull-500-tail", Pull(world.whole, PAGE, str(folder / TAIL)), 8),
        ("pull-catch-up", Pull(world.whole, LARGE_PAGE, str(folder / CATCH_UP)), 4),
    )
    return [
        Row(name, SHUYUAN, RAW, partial(measuring.raw, name, work, callers))
        for name, work, callers in works
    ]


def _naive(measuring: Measuring, naive: Naive) -> list[Row]:
    feeds, book = list(naive.feeds), str(naive.book)
    works: Sequence[tuple[str, Work, int]] = (
        ("publish-500", Publish(feeds, BATCH), 8),
        ("publish-1", Publish(feeds, 1), 64),
        ("pull-500-masked", Pull(naive.archive, PAGE, book), 8),
    )
    return [
        Row(name, NAIVE, RAW, partial(measuring.raw, name, work, callers, naive=naive))
        for name, work, callers in works
    ]


def _tools(measuring: Measuring) -> list[Row]:
    return [
        Row("publish-500", PRODUCER_TEST, PRODUCER_TEST, measuring.produce),
        Row("pull-catch-up", CONSUMER_TEST, CONSUMER_TEST, measuring.consume),
    ]


def _locust(measuring: Measuring) -> list[Row]:
    return [
        Row(
            cast.name,
            SHUYUAN,
            LOCUST,
            partial(measuring.locust, cast.name, cast.users, cast.classes),
            cast.story,
        )
        for cast in CASTS
    ]
