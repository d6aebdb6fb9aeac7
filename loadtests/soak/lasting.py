"""What a platform holds: memory over twenty minutes under load, and in a flood without a broker."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from gateway.console.load_reports import Curve
from loadtests.arena import beside
from loadtests.generator import Publish, Work
from loadtests.processes import Watched, repeated, sample, watched
from loadtests.readback import delete
from loadtests.runs import Child, RunFailed, observe
from loadtests.soak.crowd import Pourer
from loadtests.soak.scene import CALLERS, Finding, Found, Scene
from loadtests.stage import BATCH, SPARE_SECONDS
from loadtests.statistics import median, slope

LOAD, FEEDS = 0.7, 3
EVERY_SECONDS, TRIM_SECONDS = 1.0, 30.0
# The first quarter is warm-up: pools, caches and the JVM's heap fill.
WARM_UP_SHARE = 0.25
PER_SECONDS, GROWTH_MAX = 600.0, 0.01
# Over less than this a slope says nothing.
JUDGED_MINUTES = 5.0
KEPT_RECORDS = 1_000_000
MEBI = 2**20
INFLIGHT_BYTES = 64 * MEBI
# What a worker's memory grows by at most: each byte of a body under way is held as it came, split
# into records, and once more in the request to the broker; bodies are checked a few at a time,
# each with its decoded items beside it.
COPIES, CHECKING_BYTES = 4, 384 * MEBI
FLOOD_EVERY_SECONDS, STANDSTILL_SHARE = 0.1, 0.7


def memory(scene: Scene) -> Found:
    """Find the capacity, load the platform with 70 % of it, and watch: flat, or a leak."""
    arena, seconds = scene.arena, scene.effort.memory_minutes * 60
    resources = scene.population.resources[-FEEDS:]
    reading = scene.reading("memory", scene.population.subscriptions)
    works: tuple[Work, ...] = (Publish(resources, BATCH), reading)
    # Both at once: each gets the half of it.
    rates = [_capacity(scene, work) * LOAD / 2 for work in works]
    before = scene.end(resources)
    trim = repeated(TRIM_SECONDS, partial(_trim, scene, resources))
    with watched(arena.families, EVERY_SECONDS) as seen, trim, ThreadPoolExecutor(2) as pool:
        loads = [
            pool.submit(
                scene.drive, arena, work, 2 * CALLERS, seconds=seconds, rate=rate,
                log=f"memory-{place}",
            )
            for place, (work, rate) in enumerate(zip(works, rates, strict=True))
        ]  # fmt: skip
        published, pulled = (load.result() for load in loads)
    moved = scene.end(resources) - before
    cases = [
        scene.case(arena, "soak-memory-publish", 2 * CALLERS, published, moved),
        scene.case(arena, "soak-memory-pull", 2 * CALLERS, pulled),
    ]
    rate = sum(case.records_per_second for case in cases)
    findings = [judge(each, seen, scene.effort.memory_minutes, rate) for each in seen.memory_bytes]
    curves = [
        Curve(f"memory of {family}", seen.seconds, [size / MEBI for size in sizes])
        for family, sizes in seen.memory_bytes.items()
    ]
    return Found(findings, cases, curves)


def judge(family: str, seen: Watched, minutes: float, rate: float) -> Finding:
    """Say how fast the memory of a family grows after the warm-up, and whether that is flat."""
    first = int(len(seen.seconds) * WARM_UP_SHARE)
    at, sizes = seen.seconds[first:], seen.memory_bytes[family][first:]
    found, mean = slope(at, sizes), sum(sizes) / len(sizes)
    growth, low, high = (each * PER_SECONDS / mean for each in (found.value, found.low, found.high))
    is_judged = minutes >= JUDGED_MINUTES
    return Finding(
        row="memory",
        case=f"{family}, {minutes:g} minutes at {LOAD:.0%} load ({rate:,.0f} records/s)",
        facts={
            "mean_MB": mean / MEBI,
            "growth_in_ten_minutes": growth,
            "low": low,
            "high": high,
            "MB_at_most": max(sizes) / MEBI,
        },
        target=f"grows by < {GROWTH_MAX:.0%} per 10 minutes" if is_judged else "",
        reached=growth < GROWTH_MAX if is_judged else None,
    )


def _capacity(scene: Scene, work: Work) -> float:
    """Return how many requests a second are answered at full speed."""
    window = scene.drive(scene.arena, work, CALLERS).window
    return max(1.0, window.requests / window.seconds)


def _trim(scene: Scene, resources: Sequence[str]) -> None:
    """Delete what was published a while ago, so that the disk does not fill."""
    for place, end in scene.ends(resources).items():
        if end > KEPT_RECORDS:
            asyncio.run(delete(scene.arena.bootstrap, place.topic, {0: end - KEPT_RECORDS}))


def flood(scene: Scene) -> Found:
    """Stop the broker in the middle of a flood and see what the gateway holds and answers."""
    with beside(scene.arena, SHUYUAN_INFLIGHT_BYTES=str(INFLIGHT_BYTES)) as own:
        before = sample(own.arena.families).memory_bytes["gateway"]
        families = {"gateway": own.arena.families["gateway"]}
        with watched(families, FLOOD_EVERY_SECONDS) as seen, _standstill(scene):
            limit = scene.effort.pouring_seconds + SPARE_SECONDS
            child = _pouring(scene, own.arena.base_url)
            total = observe(child, own.arena.families, limit).total
        calm = Publish(scene.population.resources[-1:], 1)
        after = scene.publish(own.arena, "soak-after-the-flood", calm)
    grown, bound = seen.most("gateway") - before, COPIES * INFLIGHT_BYTES + CHECKING_BYTES
    late = median(seen.memory_bytes["gateway"]) - before
    finding = Finding(
        row="flood",
        case=f"{scene.effort.pourers} clients' connections with bodies of 8 MiB, the broker "
        f"stopped, SHUYUAN_INFLIGHT_BYTES {INFLIGHT_BYTES // MEBI} MiB",
        facts={
            "gateway_MB_before": before / MEBI,
            "MB_grown_at_most": grown / MEBI,
            "MB_grown_in_the_middle": late / MEBI,
            **total.facts,
            "failures": total.failures,
            "publishes_per_second_afterwards": after.requests_per_second,
        },
        target=f"grows by ≤ {bound // MEBI} MB; only 201, 429, 503 with Retry-After",
        reached=grown <= bound and not total.failures and total.refused > 0 and after.good,
        complaints=total.complaints,
    )
    return Found([finding], [after])


def _pouring(scene: Scene, base_url: str) -> Child:
    half = scene.effort.pourers // 2
    pourer = Pourer(
        base_url=base_url,
        tokens=[scene.token(each) for each in scene.population.publishers],
        resources=scene.population.resources[-4:],
        quick=half,
        slow=scene.effort.pourers - half,
        seconds=scene.effort.pouring_seconds,
    )
    return Child.calling(scene.arena.folder / "pouring.log", pourer.run)


@contextmanager
def _standstill(scene: Scene) -> Iterator[None]:
    """Stop the broker soon after the flood begins, and let it go on before the flood ends."""
    pid, seconds = scene.arena.families.get("broker"), scene.effort.pouring_seconds
    if pid is None:
        raise RunFailed("the broker is not ours to stop")
    stops = ((0.1, signal.SIGSTOP), (0.1 + STANDSTILL_SHARE, signal.SIGCONT))
    timers = [threading.Timer(seconds * at, os.kill, (pid, number)) for at, number in stops]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
        os.kill(pid, signal.SIGCONT)
