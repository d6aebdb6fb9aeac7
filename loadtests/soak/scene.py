"""What every row works with: the platform, the population, and runs against one gateway of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec
import orjson
from aiokafka import TopicPartition

from deploy.local.report import Report
from deploy.markdown import table
from exchange.log.topics import topic_of
from gateway.console.load_reports import Curve
from loadtests import pages, readback, records, report
from loadtests.arena import Arena
from loadtests.generator import Order, Pace, Publish, Pull, Work
from loadtests.pages import Page, expected
from loadtests.readback import Answer
from loadtests.results import Case, Label, Results, judged, middle, write
from loadtests.runs import Observed, RunFailed
from loadtests.soak.population import Population, Subscription
from loadtests.stage import PAGE, drive
from loadtests.statistics import Estimate, median, ratio
from loadtests.targets import RAW, SHUYUAN
from loadtests.world import Credentials
from shuyuan_client.http import ExchangeClient

FLAT = 1.2
CALLERS = 8
# Fewer pairs of runs say nothing of a ratio.
ROUNDS_JUDGED = 3
NAME = "soak"
HEADINGS = ("row", "case", "measured", "target", "reached")


class Finding(msgspec.Struct, kw_only=True):
    """One line of the table, told by its facts, whose names say their units.

    `reached` is None where nothing was aimed at.
    """

    row: str
    case: str
    facts: Mapping[str, float]
    target: str = ""
    reached: bool | None = None
    complaints: Sequence[str] = ()

    @property
    def measured(self) -> str:
        facts = (f"{name.replace('_', ' ')} {value:,.4g}" for name, value in self.facts.items())
        return "; ".join([", ".join(facts), *self.complaints])


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

    def told(self) -> str:
        """Return the conditions and the table of findings, then whatever went wrong."""
        verdicts = {**report.VERDICTS, None: ""}
        rows = [[f.row, f.case, f.measured, f.target, verdicts[f.reached]] for f in self.findings]
        bad = [
            f"- {case.name}: {case.failures} failures; {'; '.join(case.complaints)}\n"
            for case in self.cases
            if not case.good
        ]
        facts = "".join(f"- {fact}\n" for fact in report.facts(self))
        return f"{facts}\n{table(HEADINGS, rows)}{''.join(bad)}"

    def write(self, folder: Path) -> None:
        """Write soak.json and soak.md, and latest.json as every load test does."""
        write(self, folder)
        write(self, folder, NAME)
        (folder / f"{NAME}.md").write_text(self.told(), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a run is, and how often a pair of runs is repeated.

    Beside a neighbour it takes longer: its p99 is to stand on a dozen answers, not on four.
    """

    warm_up_seconds: float
    seconds: float
    neighbours_seconds: float
    rounds: int
    memory_minutes: float
    log_records: int
    polls: int
    idle_seconds: float
    settle_seconds: float
    pourers: int
    pouring_seconds: float


FULL = Effort(0.5, 2.5, 8.0, 7, 20.0, 10_000_000, 10_000, 10.0, 2.0, 64, 30.0)
QUICK = Effort(0.2, 0.4, 0.4, 1, 0.1, 40_000, 160, 1.0, 0.3, 12, 4.0)

Variant = Callable[[], Case]
Runs = tuple[list[Case], list[Case]]


@dataclass(frozen=True)
class Scene:
    arena: Arena
    population: Population
    effort: Effort
    report: Report

    def client(self, who: Credentials) -> ExchangeClient:
        return who.client(self.arena.base_url)

    def token(self, who: Credentials) -> str:
        return who.token(self.arena.base_url)

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
        wanted = [expected(records.NARROW, orjson.loads(line)) for line in body.split(b"\n")]
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
        return self.case(arena, name, callers, seen, self.end(work.resources) - before)

    def pull(
        self,
        arena: Arena,
        name: str,
        work: Pull,
        callers: int = CALLERS,
        *,
        rate: float = 0.0,
        seconds: float = 0.0,
    ) -> Case:
        """Pull for a while; every page is compared with the one that must come."""
        seen = self.drive(arena, work, callers, rate=rate, seconds=seconds)
        return self.case(arena, name, callers, seen)

    def case(
        self, arena: Arena, name: str, callers: int, seen: Observed, moved: int | None = None
    ) -> Case:
        """Return what was observed, held against by how much the logs have moved."""
        found = Answer() if moved is None else readback.moved(seen.total.places(), moved)
        return judged(Label(name, SHUYUAN, RAW, callers, arena.workers), seen, found)

    def end(self, resources: Sequence[str]) -> int:
        """Return the sum of the offsets at which the logs of the resources end."""
        return sum(self.ends(resources).values())

    def ends(self, resources: Sequence[str]) -> Mapping[TopicPartition, int]:
        places = [TopicPartition(topic_of(resource), 0) for resource in resources]
        return asyncio.run(readback.all_ends(self.arena.bootstrap, places))

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
        order = Order(arena.base_url, tokens, callers, pace, work, requests)
        return drive(arena, order, self.arena.folder / f"{log}.log")

    def in_turns(self, told: str, base: Variant, other: Variant) -> Runs:
        """Run both in turns, each time beginning with the other."""
        runs: Runs = ([], [])
        for turn in range(self.effort.rounds):
            pair = ((base, runs[0]), (other, runs[1]))
            for run, kept in pair if turn % 2 else reversed(pair):
                kept.append(run())
            self.report.line(f"{told}: {' | '.join(_line(each[-1]) for each in runs)}")
        return runs

    def compare(self, row: str, told: str, base: Variant, other: Variant) -> Found:
        """Run both in turns and say how the costs of a record relate."""
        runs = self.in_turns(f"{row}: {told}", base, other)
        first, second = (median([case.server_us for case in each]) for each in runs)
        facts = {"us_a_record_before": first, "us_a_record": second, **latencies(runs)}
        cost = compared(runs, "server_us")
        finding = aimed(f"CPU ≤ × {FLAT}", cost, is_flat, row=row, case=told, facts=facts)
        return Found([finding], [middle(each) for each in runs])


def latencies(runs: Runs) -> dict[str, float]:
    """Return how the percentiles of the runs relate to those of the runs beside them."""
    return {f"{of[:3]}_ratio": compared(runs, of).value for of in ("p50_ms", "p99_ms")}


def compared(runs: Runs, figure: str) -> Estimate:
    """Return how a figure of the runs relates to that of those beside them."""
    return ratio(*([getattr(case, figure) for case in each] for each in runs))


def aimed(
    target: str,
    found: Estimate,
    holds: Callable[[Estimate], bool],
    *,
    facts: Mapping[str, float],
    row: str,
    case: str,
) -> Finding:
    """Return a finding of a ratio, judged where enough runs were made."""
    is_judged = found.rounds >= ROUNDS_JUDGED
    return Finding(
        row=row,
        case=case,
        facts={"ratio": found.value, "low": found.low, "high": found.high, **facts},
        target=target if is_judged else "",
        reached=holds(found) if is_judged else None,
    )


def is_flat(ratio: Estimate) -> bool:
    return ratio.value <= FLAT


def target(subscription: Subscription, limit: int, cursor: str = "") -> str:
    """Return the path and query of a page; without a cursor it is the first one."""
    query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    return f"/v1/subscriptions/{subscription.id}/records?{query}"


def _line(case: Case) -> str:
    told = f"{case.server_us:.2f} µs, {case.rate:,.0f}/s, p99 {case.p99_ms:.1f} ms"
    return f"{told} {' '.join(case.complaints[:1])}".rstrip()
