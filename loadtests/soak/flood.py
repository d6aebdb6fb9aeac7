"""Backpressure: bodies of 8 MiB from many clients while the broker stands still."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import msgspec

from loadtests.processes import sample
from loadtests.runs import Child, RunFailed, observe
from loadtests.soak.findings import Finding, Found
from loadtests.soak.ground import Beside, beside
from loadtests.soak.pouring import Order
from loadtests.soak.scene import Scene
from loadtests.soak.watching import watched
from loadtests.stage import SPARE_SECONDS
from loadtests.tally import percentile

ROW = "flood"
MEBI = 1024 * 1024
INFLIGHT_BYTES = 64 * MEBI
# What a worker's memory grows by at most: each byte of a body under way is held as it came, split
# into records, and once more in the request to the broker; bodies are checked a few at a time,
# each with its decoded items beside it.
COPIES, CHECKING_BYTES = 4, 384 * MEBI
EVERY_SECONDS = 0.1
STANDSTILL_SHARE = 0.7


def run(scene: Scene) -> Found:
    """Stop the broker in the middle of a flood and see what the gateway holds and answers."""
    changes = {"SHUYUAN_INFLIGHT_BYTES": str(INFLIGHT_BYTES)}
    with beside(scene.ground, workers=1, **changes) as own:
        before = sample(own.arena.families).memory_bytes["gateway"]
        with watched({"gateway": own.process.pid}, EVERY_SECONDS) as seen, _standstill(scene, own):
            total = observe(_child(scene, own), own.arena.families, _limit(scene)).total
        after = scene.publish(
            own.arena, "soak-after-the-flood", scene.feeding(scene.population.resources[-1:], 1)
        )
    grown, bound = seen.most("gateway") - before, COPIES * INFLIGHT_BYTES + CHECKING_BYTES
    receipts, facts = total.facts.get("answers_201", 0.0), dict(total.facts)
    late = percentile(sorted(seen.memory_bytes["gateway"]), 0.5) - before
    complaints = [*total.complaints, *after.complaints]
    finding = Finding(
        row=ROW,
        case=(
            f"{scene.effort.pourers} clients' connections with bodies of 8 MiB,"
            f" the broker stopped, SHUYUAN_INFLIGHT_BYTES {INFLIGHT_BYTES // MEBI} MiB"
        ),
        measured="; ".join(
            [
                (
                    f"gateway {before / MEBI:,.0f} MB + {grown / MEBI:,.0f} MB at most"
                    f" ({late / MEBI:,.0f} in the middle)"
                ),
                (
                    f"{receipts:,.0f} receipts, {total.refused:,} orderly refusals,"
                    f" {total.failures} failures"
                ),
                f"afterwards {after.requests_per_second:,.0f} publishes/s",
                *complaints,
            ]
        ),
        target=f"grows by ≤ {bound // MEBI} MB; only 201, 429, 503 with Retry-After",
        reached=grown <= bound and not total.failures and total.refused > 0 and after.good,
        facts={**facts, "bytes_before": before, "bytes_grown": grown, "bytes_bound": bound},
    )
    return Found([finding], [after])


def _limit(scene: Scene) -> float:
    return scene.effort.pouring_seconds + SPARE_SECONDS


def _child(scene: Scene, own: Beside) -> Child:
    where, half = urlsplit(own.arena.base_url), scene.effort.pourers // 2
    order = Order(
        host=str(where.hostname),
        port=where.port or 80,
        tokens=[scene.token(each) for each in scene.population.publishers],
        resources=scene.population.resources[-4:],
        quick=half,
        slow=scene.effort.pourers - half,
        seconds=scene.effort.pouring_seconds,
    )
    return Child.python(
        "loadtests.soak.pouring", scene.folder / "pouring.log", msgspec.json.encode(order)
    )


@contextmanager
def _standstill(scene: Scene, own: Beside) -> Iterator[None]:
    """Stop the broker soon after the flood begins, and let it go on before the flood ends."""
    pid, seconds = own.arena.families.get("broker"), scene.effort.pouring_seconds
    if pid is None:
        raise RunFailed("the broker is not ours to stop")
    begin = threading.Timer(seconds * 0.1, os.kill, (pid, signal.SIGSTOP))
    end = threading.Timer(seconds * (0.1 + STANDSTILL_SHARE), os.kill, (pid, signal.SIGCONT))
    begin.start()
    end.start()
    try:
        yield
    finally:
        begin.cancel()
        end.cancel()
        os.kill(pid, signal.SIGCONT)
