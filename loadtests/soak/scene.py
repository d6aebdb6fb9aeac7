"""What every row works with: the platform, the population, and runs against one gateway of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.report import Report
from exchange.log.topics import topic_of
from loadtests import pages, records, report
from loadtests.arena import Arena
from loadtests.generator import Publish, Pull, Work
from loadtests.measuring import Label, judged
from loadtests.pages import Page, expected
from loadtests.readback import Answer
from loadtests.results import READABLE, Case, Results, middle, write
from loadtests.runs import Observed, RunFailed
from loadtests.soak.population import Population, Scale, Subscription
from loadtests.stage import PAGE, Pace, drive
from loadtests.statistics import median, ratio
from loadtests.targets import RAW, SHUYUAN
from loadtests.world import Credentials
from shuyuan_client.http import ExchangeClient, with_secret

FLAT = 1.2
CALLERS = 8
# Fewer pairs of runs say nothing of a ratio.
ROUNDS_JUDGED = 3
NAME = "soak"
HEADINGS = ("row", "case", "measured", "target", "reached")


class Finding(msgspec.Struct, kw_only=True):
    """One line of the table; `reached` is None where nothing was aimed at."""

    row: str
    case: str
    measured: str
    target: str = ""
    reached: bool | None = None
    facts: Mapping[str, float] = {}


class Curve(msgspec.Struct):
    """A series over time, for the plot: seconds against megabytes."""

    name: str
    seconds: list[float]
    megabytes: list[float]


@dataclass(slots=True)
class Found:
    """Everything that one row gives: lines of the table, the runs behind them, curves."""

    findings: list[Finding] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        self.findings += other.findings
        self.cases += other.cases
        self.curves += other.curves


class Soaked(Results, kw_only=True):
    """Results in the shape of every load test, with the findings and the curves of a soak."""

    findings: list[Finding]
    curves: Sequence[Curve] = ()

    @property
    def good(self) -> bool:
        missed = any(each.reached is False for each in self.findings)
        return not missed and all(case.good for case in self.cases)

    def _table(self) -> report.Table:
        verdicts = {**report.VERDICTS, None: ""}
        rows = [[f.row, f.case, f.measured, f.target, verdicts[f.reached]] for f in self.findings]
        return HEADINGS, rows

    def markdown(self) -> str:
        """Return the conditions and the table of findings, then whatever went wrong."""
        bad = [
            f"- {case.name}: {case.failures} failures; {'; '.join(case.complaints)}\n"
            for case in self.cases
            if not case.good
        ]
        told = "".join(f"- {fact}\n" for fact in report.facts(self))
        return f"{told}\n{report.markdown_table(self._table())}{''.join(bad)}"

    def page(self) -> str:
        bad = {place for place, each in enumerate(self.findings) if each.reached is False}
        curves = [report.curve(c.name, c.seconds, c.megabytes, "MB") for c in self.curves]
        table = report.html_table("Findings", self._table(), bad)
        return report.html_page("Shuyuan soak", report.facts(self), [table, *curves])

    def write(self, folder: Path) -> None:
        """Write soak.json, soak.md and soak.html, and latest.json as every load test does."""
        write(self, folder)
        write(self, folder, NAME)
        for ending, text in (("md", self.markdown()), ("html", self.page())):
            path = folder / f"{NAME}.{ending}"
            path.write_text(text, encoding="utf-8")
            path.chmod(READABLE)


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

Variant = Callable[[], Case]


@dataclass(frozen=True)
class Scene:
    arena: Arena
    population: Population
    scale: Scale
    effort: Effort
    report: Report

    def client(self, who: Credentials) -> ExchangeClient:
        return ExchangeClient(self.arena.base_url, with_secret(who.name, who.secret))

    def token(self, who: Credentials) -> str:
        with self.client(who) as client:
            return client.token()

    @cached_property
    def tokens(self) -> list[str]:
        """A token of each consuming system, in their order."""
        return [self.token(system) for system in self.population.systems]

    @cached_property
    def publisher_token(self) -> str:
        return self.token(self.population.publisher)

    @cached_property
    def first_page(self) -> Sequence[bytes]:
        """The page with which every filled resource begins, held against what was published."""
        first, body = self.population.subscriptions[0], records.bodies(PAGE, 1)[0]
        with self.client(self.population.systems[first.system]) as asking:
            lines = asking.page(first.id, limit=PAGE).lines
        wanted = [
            expected(records.NARROW, orjson.loads(line), masked=True) for line in body.split(b"\n")
        ]
        if [orjson.loads(line) for line in lines] != wanted:
            raise RunFailed(f"the first page of {first.id} is not what was published")
        return [line + b"\n" for line in lines]

    def reading(
        self, name: str, subscriptions: Sequence[Subscription], first: int = 0, limit: int = PAGE
    ) -> Pull:
        """Ask for the first page of each, in turn; a page may be shorter than it is."""
        body = b"".join(self.first_page[:limit])
        asked = [
            (Page(target(each, limit), limit, token=each.system), body) for each in subscriptions
        ]
        return self.book(name, asked, first)

    def book(self, name: str, asked: Sequence[tuple[Page, bytes]], first: int = 0) -> Pull:
        path = self.arena.folder / f"{name}.book"
        pages.save(path, asked)
        return Pull(str(path), in_turn=True, first=first)

    def publish(self, arena: Arena, name: str, work: Publish, callers: int = CALLERS) -> Case:
        """Publish for a while and compare the ends of all topics with the receipts."""
        before = self.end(work.resources)
        seen = self.drive(arena, work, callers)
        found = received(seen, self.end(work.resources) - before)
        return judged(Label(name, SHUYUAN, RAW, callers, arena.workers), seen, found)

    def end(self, resources: Sequence[str]) -> int:
        """Return the sum of the offsets at which the logs of the resources end."""
        topics = [topic_of(resource) for resource in resources]
        return sum(asyncio.run(read_ends(self.arena.bootstrap, topics)).values())

    def pull(
        self, arena: Arena, name: str, work: Pull, callers: int = CALLERS, rate: float = 0.0
    ) -> Case:
        """Pull for a while; every page is compared with the one that must come."""
        seen = self.drive(arena, work, callers, rate=rate)
        return judged(Label(name, SHUYUAN, RAW, callers, arena.workers), seen, Answer())

    def drive(
        self,
        arena: Arena,
        work: Work,
        callers: int,
        *,
        requests: int = 0,
        seconds: float = 0.0,
        rate: float = 0.0,
        log: str = "asking",
    ) -> Observed:
        """Let the generator ask for a while, or so many requests within `seconds`."""
        warm_up = 0.0 if requests else self.effort.warm_up_seconds
        pace = Pace(warm_up, seconds or self.effort.seconds, rate=rate)
        tokens = [self.publisher_token] if isinstance(work, Publish) else self.tokens
        path = self.arena.folder / f"{log}.log"
        return drive(
            arena.base_url, arena.families, work, callers, pace, tokens, path, requests=requests
        )

    def compare(self, row: str, told: str, base: Variant, other: Variant) -> Found:
        """Run both in turns, each time beginning with the other, and say how the costs relate."""
        runs: tuple[list[Case], list[Case]] = ([], [])
        for turn in range(self.effort.rounds):
            pair = ((base, runs[0]), (other, runs[1]))
            for run, kept in pair if turn % 2 else reversed(pair):
                kept.append(run())
            self.report.line(f"{row}: {told}: {' | '.join(_line(each[-1]) for each in runs)}")
        return Found([_compared(row, told, *runs)], [middle(each) for each in runs])


def target(subscription: Subscription, limit: int, cursor: str = "", wait_seconds: int = 0) -> str:
    """Return the path and query of a page; without a cursor it is the first one."""
    query = f"limit={limit}"
    query += f"&cursor={cursor}" if cursor else ""
    query += f"&wait={wait_seconds}" if wait_seconds else ""
    return f"/v1/subscriptions/{subscription.id}/records?{query}"


def _line(case: Case) -> str:
    told = f"{case.server_us:.2f} µs, {case.rate:,.0f}/s {' '.join(case.complaints[:1])}"
    return told.rstrip()


def _compared(row: str, told: str, bases: Sequence[Case], others: Sequence[Case]) -> Finding:
    cost, p50, p99 = (
        ratio([getattr(b, of) for b in bases], [getattr(o, of) for o in others])
        for of in ("server_us", "p50_ms", "p99_ms")
    )
    first, second = (median([case.server_us for case in each]) for each in (bases, others))
    return Finding(
        row=row,
        case=told,
        measured=f"{first:.2f} → {second:.2f} µs/record, × {cost.told()}; "
        f"p50 × {p50.told()}, p99 × {p99.told()}",
        **aim(f"CPU ≤ × {FLAT}", cost.value, len(bases)),
        facts={
            "base_us": first,
            "us": second,
            "ratio": cost.value,
            "low": cost.low,
            "high": cost.high,
            "p50_ratio": p50.value,
            "p99_ratio": p99.value,
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
    runs = (run for each in seen.total.acknowledged.values() for run in each)
    told = sum(last - first + 1 for _, first, last in runs)
    missing, unknown = max(0, told - moved), max(0, moved - told)
    return Answer(read_back=min(moved, told), missing=missing, unacknowledged=unknown)


async def read_ends(bootstrap: str, topics: Sequence[str]) -> Mapping[str, int]:
    """Return the offset after the last record of each topic of one partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        # All at once: it would ask for one after the other, each time with all that it knows.
        await consumer._client.set_topics(topics)  # noqa: SLF001 - no public way
        found = await consumer.end_offsets([TopicPartition(topic, 0) for topic in topics])
        return {place.topic: int(offset) for place, offset in found.items()}
    finally:
        await consumer.stop()
