"""Measures what each kind of work costs, and the points that check it, on one arena."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import psutil

from deploy.local.report import Report
from deploy.local.wording import say
from exchange.log.topics import topic_of
from loadtests import records, world
from loadtests.arena import Arena, machine
from loadtests.capacity import clerking, points
from loadtests.capacity.costs import COUNT, GATEWAY, PARTS, SEAL, Bytes, Costs, Point
from loadtests.capacity.fitting import fit
from loadtests.capacity.points import Take
from loadtests.generator import Publish
from loadtests.processes import between, sample
from loadtests.stage import BATCH, Pace, Stage, filled, generate

SINGLES = 2_000
IDLE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Batches of 500 in the archive before its tail, and in its tail; resources to write to.

    The archive is larger than the cache of a worker (64 MiB), so that reading it in a ring always
    meets the broker; the tail fits in with room to spare. Everybody writes alone, as in a region
    with thousands of resources: merging only saves.
    """

    archive_batches: int = 400
    tail_batches: int = 20
    feeds: int = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """How long each point is measured, how often, and how large the world is."""

    rounds: int
    pace: Pace
    warming_seconds: float
    day_seconds: float
    lookups: int
    pairs: int
    scale: Scale


FIT = Plan(3, Pace(0.5, 2.5), 4.0, 6.0, 90, 3_000, Scale())
CHECK = Plan(1, Pace(0.5, 2.5), 4.0, 6.0, 90, 3_000, Scale())
SHORT = Plan(1, Pace(0.2, 0.8), 0.5, 1.0, 12, 200, Scale(20, 20, 4))


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
    whole = {part: idle.get(part, 0.0) for part in PARTS}
    return Costs(
        measured_at=datetime.now(UTC).isoformat(timespec="minutes"),
        rounds=plan.rounds,
        workers=arena.workers,
        machine=machine(arena),
        work=fit(fitted, whole),
        idle_cores=_of_one(whole, arena.workers),
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
        scale = plan.scale
        stage = Stage(arena, world.seed(arena.base_url, arena.credentials, scale.feeds))
        # By one caller alone: each batch stays a batch of the log.
        return filled(stage, scale.archive_batches * BATCH, scale.tail_batches * BATCH, callers=1)


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
            report.line(f"✓ {name}: {_told(point)}")
    return {name: points.median(each) for name, each in runs.items()}


def _told(point: Point) -> str:
    requests = max(count for count, _ in point.done.values())
    spent = sum(point.cpu_seconds.values())
    return f"{requests / point.seconds:,.0f}/s, {spent / requests * 1e6:,.1f} µs each"


def _idle_cores(arena: Arena) -> dict[str, float]:
    before = sample(arena.families)
    time.sleep(IDLE_SECONDS)
    use = between(before, sample(arena.families))
    return {part: round(spent / use.seconds, 4) for part, spent in use.cpu_seconds.items()}


def _of_one(amounts: Mapping[str, float], workers: int) -> dict[str, float]:
    return {
        part: amount / workers if part == GATEWAY else amount for part, amount in amounts.items()
    }


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
    batch, record = stored
    return Bytes(
        record=round(_mean(map(len, records.lines())), 1),
        batch_stored=round(batch, 1),
        record_stored=round(record, 1),
        page_whole=round(prepared.bytes_shown("at-hand-1000.book"), 1),
        page_projected=round(prepared.bytes_shown("masked-500.book"), 1),
        count_stored=round(grown[COUNT], 1),
        seal_stored=round(grown[SEAL], 1),
        keyed_stored=round(asyncio.run(_bytes_of_a_key(prepared.arena)), 1),
    )


async def _bytes_of_a_key(arena: Arena) -> float:
    connection = await asyncpg.connect(arena.database_url)
    try:
        return float(
            await connection.fetchval(
                "SELECT pg_total_relation_size('exchange.publish_intent')::float"
                " / greatest(count(*), 1) FROM exchange.publish_intent"
            )
        )
    finally:
        await connection.close()


def _mean(sizes: Iterable[int]) -> float:
    each: Sequence[int] = list(sizes)
    return sum(each) / len(each)
