"""Measures what each kind of work costs, and the points that check it, on one arena."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import psutil

from deploy.local.report import Report
from deploy.local.wording import say
from exchange.log.topics import topic_of
from loadtests import records, world
from loadtests.arena import Arena, fetched, machine
from loadtests.capacity import clerking, points
from loadtests.capacity.costs import COUNT, GATEWAY, PARTS, SEAL, Bytes, Costs, Point
from loadtests.capacity.fitting import fit
from loadtests.capacity.points import Take
from loadtests.generator import Pace, Publish
from loadtests.processes import between, sample
from loadtests.stage import BATCH, Stage, filled, generate

SINGLES = 2_000
IDLE_SECONDS = 4.0
STEADY = Pace(0.5, 2.5)
KEY_BYTES = """
    SELECT pg_total_relation_size('exchange.publish_intent')::float / greatest(count(*), 1)
    FROM exchange.publish_intent
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each point is measured, how often, and how large the world is.

    Batches of 500 in the archive before its tail, and in its tail; resources to write to. The
    archive is larger than the cache of a worker (64 MiB), so that reading it in a ring always
    meets the broker; the tail fits in with room to spare. Everybody writes alone, as in a region
    with thousands of resources: merging only saves.
    """

    rounds: int = 1
    pace: Pace = STEADY
    warming_seconds: float = 4.0
    day_seconds: float = 6.0
    lookups: int = 90
    pairs: int = 3_000
    archive_batches: int = 400
    tail_batches: int = 20
    feeds: int = 16


FIT, CHECK = Plan(rounds=3), Plan()
SHORT = Plan(1, Pace(0.2, 0.8), 0.5, 1.0, 12, 200, 20, 20, 4)


def measure(arena: Arena, plan: Plan, report: Report) -> Costs:
    """Measure everything and fit; raises RunFailed when any request fails."""
    prepared = _prepare(arena, plan, report)
    stored = _stored(prepared)
    _warm(prepared, plan.warming_seconds)
    clerked, grown = clerking.clerking(arena, plan.pairs)
    idle = _idle_cores(arena)
    sought = points.fitted(prepared, plan.lookups)
    checks, bounds = points.checked(prepared, plan.day_seconds), points.crowded(prepared)
    taken = _rounds({**sought, **checks, **bounds}, plan, report)
    fitted = [*(taken[name] for name in sought), *clerked]
    memory = sample(arena.families).memory_bytes
    return Costs(
        measured_at=datetime.now(UTC).isoformat(timespec="minutes"),
        rounds=plan.rounds,
        workers=arena.workers,
        machine=machine(arena),
        work=fit(fitted, idle),
        idle_cores=_of_one(idle, arena.workers),
        projection=clerking.projection(),
        tls_ns_per_byte=round(clerking.tls_ns_per_byte(), 3),
        bytes=_bytes(prepared, stored, grown),
        memory_bytes={part: round(held) for part, held in _of_one(memory, arena.workers).items()},
        fitted=fitted,
        checked=[taken[name] for name in checks],
        bounded=[taken[name] for name in bounds],
    )


def check(arena: Arena, plan: Plan, report: Report) -> tuple[list[Point], list[Point]]:
    """Measure only the points that check costs, and those that bound them."""
    prepared = _prepare(arena, plan, report)
    _warm(prepared, plan.warming_seconds)
    checks, bounds = points.checked(prepared, plan.day_seconds), points.crowded(prepared)
    taken = _rounds({**checks, **bounds}, plan, report)
    return [taken[name] for name in checks], [taken[name] for name in bounds]


def _prepare(arena: Arena, plan: Plan, report: Report) -> Stage:
    with report.step(say("准备资源、授权与数据", "preparing resources, grants and records")):
        stage = Stage(arena, world.seed(arena.base_url, arena.credentials, plan.feeds))
        # By one caller alone: each batch stays a batch of the log.
        return filled(stage, plan.archive_batches * BATCH, plan.tail_batches * BATCH, callers=1)


def _warm(prepared: Stage, seconds: float) -> None:
    """Let the broker's JVM compile what is hot before anything counts."""
    feeds, pace = prepared.world.feeds, Pace(0.0, seconds)
    generate(prepared, Publish(feeds, 1), points.CROWD, pace)
    generate(prepared, Publish(feeds, BATCH), points.READERS, pace)


def _rounds(takes: Mapping[str, Take], plan: Plan, report: Report) -> dict[str, Point]:
    """Take every point once a round, so that whatever else happens meets them all."""
    runs: dict[str, list[Point]] = {}
    for _ in range(plan.rounds):
        for name, take in takes.items():
            point = take(plan.pace)
            runs.setdefault(name, []).append(point)
            requests = max(count for count, _ in point.done.values())
            spent = sum(point.cpu_seconds.values()) / requests * 1e6
            report.line(f"✓ {name}: {requests / point.seconds:,.0f}/s, {spent:,.1f} µs each")
    return {name: points.median(each) for name, each in runs.items()}


def _idle_cores(arena: Arena) -> dict[str, float]:
    before = sample(arena.families)
    time.sleep(IDLE_SECONDS)
    use = between(before, sample(arena.families))
    return {part: round(use.cpu_seconds.get(part, 0.0) / use.seconds, 4) for part in PARTS}


def _of_one(amounts: Mapping[str, float], workers: int) -> dict[str, float]:
    """Return the amounts with the gateway's as that of one worker."""
    return {**amounts, GATEWAY: amounts[GATEWAY] / workers}


def _stored(prepared: Stage) -> tuple[float, float]:
    """Return the bytes that a batch, and a record in it, take in the log of the broker.

    From an archive of batches of 500 and resources that hold nothing but single records.
    """
    feeds = prepared.world.feeds
    generate(prepared, Publish(feeds, 1), len(feeds), Pace(0.0, 60.0), requests=SINGLES)
    single = _log_bytes(prepared, feeds) / SINGLES
    in_batch = _log_bytes(prepared, [prepared.world.archive]) / prepared.archived()
    batch = (single - in_batch) / (1 - 1 / BATCH)
    return batch, single - batch


def _log_bytes(prepared: Stage, resources: Sequence[str]) -> int:
    """Return the bytes of the log files of resources, on the one broker of the arena."""
    data = Path(psutil.Process(prepared.arena.families["broker"]).cwd()) / "data"
    files = (each for name in resources for each in data.glob(f"{topic_of(name)}-*/*.log"))
    return sum(file.stat().st_size for file in files)


def _bytes(prepared: Stage, stored: tuple[float, float], grown: Mapping[str, float]) -> Bytes:
    told = {
        "record": mean(map(len, records.lines())),
        "batch_stored": stored[0],
        "record_stored": stored[1],
        "page_whole": prepared.bytes_shown("at-hand-1000.book"),
        "page_projected": prepared.bytes_shown("masked-500.book"),
        "count_stored": grown[COUNT],
        "seal_stored": grown[SEAL],
        "keyed_stored": asyncio.run(fetched(prepared.arena.database_url, KEY_BYTES)),
    }
    return Bytes(**{name: round(size, 1) for name, size in told.items()})
