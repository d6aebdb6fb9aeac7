"""What every row works with: the ground, the population, and runs against one gateway of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.report import Report
from exchange.log.topics import topic_of
from loadtests import records
from loadtests.arena import Arena
from loadtests.measuring import RAW, SHUYUAN, Label, judged
from loadtests.pages import expected
from loadtests.readback import Answer
from loadtests.results import Case, median
from loadtests.runs import Child, Observed, RunFailed, observe
from loadtests.soak import population as populations
from loadtests.soak import statistics
from loadtests.soak.asking import Ask, Feeding, Order, Reading, Work
from loadtests.soak.findings import Finding, Found, server_us
from loadtests.soak.ground import Ground
from loadtests.soak.population import Population, Scale, Subscription
from loadtests.stage import PAGE, SPARE_SECONDS
from loadtests.tally import Run
from loadtests.world import Credentials

FLAT = 1.2
CALLERS = 8


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a run is, and how often a pair of runs is repeated."""

    warm_up_seconds: float
    seconds: float
    rounds: int
    memory_minutes: float
    log_records: int
    polls: int
    idle_seconds: float
    settle_seconds: float
    pourers: int
    pouring_seconds: float


FULL = Effort(0.5, 2.5, 7, 20.0, 10_000_000, 10_000, 10.0, 2.0, 64, 30.0)
QUICK = Effort(0.2, 0.4, 1, 0.1, 40_000, 160, 1.0, 0.3, 12, 4.0)

# Fewer pairs of runs say nothing of a ratio.
ROUNDS_JUDGED = 3

Variant = Callable[[], Case]


@dataclass(frozen=True)
class Scene:
    ground: Ground
    population: Population
    scale: Scale
    effort: Effort
    report: Report

    @property
    def folder(self) -> Path:
        return self.ground.folder

    @cached_property
    def tokens(self) -> list[str]:
        """A token of each consuming system, in their order."""
        return [self.token(system) for system in self.population.systems]

    @cached_property
    def publisher_token(self) -> str:
        return self.token(self.population.publisher)

    @cached_property
    def first_page(self) -> str:
        """The page with which every filled resource begins, held against what was published."""
        first, body = self.population.subscriptions[0], records.bodies(PAGE, 1)[0]
        with populations.client(self.ground.arena, self.population.systems[first.system]) as asking:
            lines = asking.page(first.id, limit=PAGE).lines
        wanted = [
            expected(records.NARROW, orjson.loads(line), masked=True) for line in body.split(b"\n")
        ]
        if [orjson.loads(line) for line in lines] != wanted:
            raise RunFailed(f"the first page of {first.id} is not what was published")
        return "".join(line.decode() + "\n" for line in lines)

    @property
    def long_reader(self) -> Subscription:
        assert self.population.long_reader is not None  # noqa: S101 - narrows the type
        return self.population.long_reader

    @property
    def long_system(self) -> Credentials:
        return self.population.systems[self.long_reader.system]

    def token(self, who: Credentials) -> str:
        with populations.client(self.ground.arena, who) as client:
            return client.token()

    def asks(self, subscriptions: Sequence[Subscription]) -> list[Ask]:
        return [Ask(each.id, each.system) for each in subscriptions]

    def reading(
        self, subscriptions: Sequence[Subscription], first: int = 0, limit: int = PAGE
    ) -> Reading:
        """Ask for the first page of each, in turn; a page may be shorter than it is."""
        body = "".join(self.first_page.splitlines(keepends=True)[:limit])
        return Reading(self.tokens, self.asks(subscriptions), limit, body, first)

    def feeding(self, resources: Sequence[str], count: int) -> Feeding:
        return Feeding(self.publisher_token, list(resources), count)

    def publish(self, arena: Arena, name: str, work: Feeding, callers: int = CALLERS) -> Case:
        """Publish for a while and compare the ends of all topics with the receipts."""
        before = self.end(work.resources)
        seen = self.drive(arena, work, callers)
        found = received(seen, self.end(work.resources) - before)
        return judged(Label(name, SHUYUAN, RAW, callers, arena.workers), seen, found)

    def end(self, resources: Sequence[str]) -> int:
        """Return the sum of the offsets at which the logs of the resources end."""
        topics = [topic_of(resource) for resource in resources]
        return sum(ends(self.ground.arena.bootstrap, topics).values())

    def pull(
        self,
        arena: Arena,
        name: str,
        work: Reading,
        callers: int = CALLERS,
        per_second: float = 0.0,
    ) -> Case:
        """Pull for a while; every page is compared with the one that must come."""
        seen = self.drive(arena, work, callers, per_second=per_second)
        return judged(Label(name, SHUYUAN, RAW, callers, arena.workers), seen, Answer())

    def drive(
        self,
        arena: Arena,
        work: Work,
        callers: int,
        *,
        requests: int = 0,
        seconds: float = 0.0,
        per_second: float = 0.0,
        log: str = "asking",
    ) -> Observed:
        """Let the generator ask for a while, or so many requests within `seconds`."""
        where = urlsplit(arena.base_url)
        warm_up = 0.0 if requests else self.effort.warm_up_seconds
        order = Order(
            host=str(where.hostname),
            port=where.port or 80,
            callers=callers,
            warm_up_seconds=warm_up,
            seconds=seconds or self.effort.seconds,
            work=work,
            requests=requests,
            per_second=per_second,
        )
        child = Child.python(
            "loadtests.soak.asking", self.folder / f"{log}.log", msgspec.json.encode(order)
        )
        return observe(child, arena.families, warm_up + order.seconds + SPARE_SECONDS)

    def compare(self, row: str, told: str, base: Variant, other: Variant) -> Found:
        """Run both in turns, each time beginning with the other, and say how the costs relate."""
        bases: list[Case] = []
        others: list[Case] = []
        for turn in range(self.effort.rounds):
            pair = ((base, bases), (other, others))
            for run, kept in pair if turn % 2 else reversed(pair):
                kept.append(run())
            self.report.line(f"{row}: {told}: {_line(bases[-1])} | {_line(others[-1])}")
        finding = _compared(row, told, bases, others)
        return Found([finding], [median(bases), median(others)])


def _line(case: Case) -> str:
    return f"{server_us(case):.2f} µs, {case.rate:,.0f}/s {' '.join(case.complaints[:1])}".rstrip()


def _compared(row: str, told: str, bases: Sequence[Case], others: Sequence[Case]) -> Finding:
    cost = statistics.ratio([server_us(each) for each in bases], [server_us(o) for o in others])
    parts = {
        "p50": statistics.ratio([each.p50_ms for each in bases], [o.p50_ms for o in others]),
        "p99": statistics.ratio([each.p99_ms for each in bases], [o.p99_ms for o in others]),
    }
    first, second = (
        statistics.median([server_us(each) for each in each_run]) for each_run in (bases, others)
    )
    latency = ", ".join(f"{name} × {estimate.told()}" for name, estimate in parts.items())
    return Finding(
        row=row,
        case=told,
        measured=f"{first:.2f} → {second:.2f} µs/record, × {cost.told()}; {latency}",
        **aim(f"CPU ≤ × {FLAT}", cost.value, len(bases)),
        facts={
            "base_us": first,
            "us": second,
            "ratio": cost.value,
            "low": cost.low,
            "high": cost.high,
            **{f"{name}_ratio": estimate.value for name, estimate in parts.items()},
        },
    )


class Aim(TypedDict):
    target: str
    reached: bool | None


def aim(target: str, found: float, rounds: int) -> Aim:
    """Return what a ratio should be and whether it is, where enough runs were made."""
    if rounds < ROUNDS_JUDGED:
        return Aim(target="", reached=None)
    return Aim(target=target, reached=found <= FLAT)


def received(seen: Observed, moved: int) -> Answer:
    """Compare how far the logs have moved with what the receipts say."""
    told = sum(_count(runs) for runs in seen.total.acknowledged.values())
    return Answer(
        read_back=min(moved, told),
        missing=max(0, told - moved),
        unacknowledged=max(0, moved - told),
    )


def _count(runs: Sequence[Run]) -> int:
    return sum(last - first + 1 for _, first, last in runs)


def ends(bootstrap: str, topics: Sequence[str]) -> Mapping[str, int]:
    """Return the offset after the last record of each topic of one partition."""
    return asyncio.run(read_ends(bootstrap, topics))


async def read_ends(bootstrap: str, topics: Sequence[str]) -> Mapping[str, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        # All at once: it would ask for one after the other, each time with all that it knows.
        await consumer._client.set_topics(topics)  # noqa: SLF001 - no public way
        found = await consumer.end_offsets([TopicPartition(topic, 0) for topic in topics])
        return {place.topic: int(offset) for place, offset in found.items()}
    finally:
        await consumer.stop()
