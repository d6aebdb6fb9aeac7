"""Resident memory over twenty minutes at 70 % of what the platform can carry: flat, or a leak."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from exchange.log.topics import topic_of
from loadtests.measuring import RAW, SHUYUAN, Label, judged
from loadtests.readback import Answer
from loadtests.results import Case
from loadtests.runs import Observed
from loadtests.soak import statistics
from loadtests.soak.asking import Work
from loadtests.soak.findings import Curve, Finding, Found
from loadtests.soak.scene import CALLERS, Scene, read_ends, received
from loadtests.soak.watching import Watched, watched
from loadtests.stage import BATCH

ROW = "memory"
LOAD = 0.7
EVERY_SECONDS = 1.0
# The first quarter is warm-up: pools, caches and the JVM's heap fill.
WARM_UP_SHARE = 0.25
PER_SECONDS = 600.0
GROWTH_MAX = 0.01
# Over less than this a slope says nothing.
JUDGED_MINUTES = 5.0
FEEDS = 3
TRIM_SECONDS = 30.0
KEPT_RECORDS = 1_000_000


def run(scene: Scene) -> Found:
    """Find the capacity, load the platform with 70 % of it, and watch."""
    arena, seconds = scene.ground.arena, scene.effort.memory_minutes * 60
    resources = scene.population.resources[-FEEDS:]
    works: tuple[Work, ...] = (
        scene.feeding(resources, BATCH),
        scene.reading(scene.population.subscriptions),
    )
    # Both at once: each gets the half of it.
    rates = [_capacity(scene, work) * LOAD / 2 for work in works]
    before = scene.end(resources)
    with watched(arena.families, EVERY_SECONDS) as seen, _trimmed(scene, resources):
        with ThreadPoolExecutor(len(works)) as pool:
            loads = [
                pool.submit(
                    scene.drive, arena, work, 2 * CALLERS, seconds=seconds, per_second=rate,
                    log=f"memory-{place}",
                )
                for place, (work, rate) in enumerate(zip(works, rates, strict=True))
            ]  # fmt: skip
            done = [load.result() for load in loads]
        moved = scene.end(resources) - before
    published, pulled = done
    cases = [
        _case(scene, "soak-memory-publish", published, received(published, moved)),
        _case(scene, "soak-memory-pull", pulled, Answer()),
    ]
    found = Found(cases=cases)
    rate = sum(case.records_per_second for case in cases)
    for family in seen.memory_bytes:
        found.findings.append(judge(family, seen, scene.effort.memory_minutes, rate))
        megabytes = [size / 2**20 for size in seen.memory_bytes[family]]
        found.curves.append(Curve(f"memory of {family}", seen.seconds, megabytes))
    return found


def judge(family: str, seen: Watched, minutes: float, rate: float) -> Finding:
    """Say how fast the memory of a family grows after the warm-up, and whether that is flat."""
    first = int(len(seen.seconds) * WARM_UP_SHARE)
    at, sizes = seen.seconds[first:], seen.memory_bytes[family][first:]
    slope, mean = statistics.slope(at, sizes), sum(sizes) / len(sizes)
    growth, low, high = (each * PER_SECONDS / mean for each in (slope.value, slope.low, slope.high))
    judged_at_all = minutes >= JUDGED_MINUTES
    return Finding(
        row=ROW,
        case=f"{family}, {minutes:g} minutes at {LOAD:.0%} load ({rate:,.0f} records/s)",
        measured=(
            f"{mean / 2**20:,.0f} MB, {growth:+.2%} per 10 minutes ({low:+.2%} – {high:+.2%}),"
            f" at most {max(sizes) / 2**20:,.0f} MB"
        ),
        target=f"grows by < {GROWTH_MAX:.0%} per 10 minutes" if judged_at_all else "",
        reached=growth < GROWTH_MAX if judged_at_all else None,
        facts={"mean_bytes": mean, "growth": growth, "low": low, "high": high},
    )


def _capacity(scene: Scene, work: Work) -> float:
    """Return how many requests a second are answered at full speed."""
    return scene.drive(scene.ground.arena, work, CALLERS).window.requests / scene.effort.seconds


def _case(scene: Scene, name: str, seen: Observed, found: Answer) -> Case:
    label = Label(name, SHUYUAN, RAW, 2 * CALLERS, scene.ground.arena.workers)
    return judged(label, seen, found)


@contextmanager
def _trimmed(scene: Scene, resources: Sequence[str]) -> Iterator[None]:
    """Delete what was published a while ago, so that the disk does not fill."""
    done, bootstrap = threading.Event(), scene.ground.arena.bootstrap
    topics = [topic_of(resource) for resource in resources]

    def trim() -> None:
        while not done.wait(TRIM_SECONDS):
            asyncio.run(_delete(bootstrap, topics))

    thread = threading.Thread(target=trim)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


async def _delete(bootstrap: str, topics: Sequence[str]) -> None:
    found = await read_ends(bootstrap, topics)
    kept = {topic: end - KEPT_RECORDS for topic, end in found.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        places = {
            TopicPartition(topic, 0): RecordsToDelete(offset)
            for topic, offset in kept.items()
            if offset > 0
        }
        if places:
            await admin.delete_records(places)
    finally:
        await admin.close()
