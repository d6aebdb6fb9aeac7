"""A bad neighbour among a thousand subscriptions of one resource: what the others notice (P9)."""

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from urllib.parse import urlsplit

import msgspec

from loadtests.processes import sample
from loadtests.results import Case, median
from loadtests.runs import ROOT
from loadtests.soak import statistics
from loadtests.soak.asking import Ask
from loadtests.soak.findings import Finding, Found
from loadtests.soak.ground import Beside, beside
from loadtests.soak.mischief import Clogging, Flooding, Order
from loadtests.soak.scene import FLAT, Scene, aim
from loadtests.stage import LARGE_PAGE, PAGE

ROW = "neighbours"
PAGE_RECORDS = 100
# Far below what a worker can carry, so that a longer wait is the neighbour's doing.
OTHERS_PER_SECOND = 150.0
CALLERS = 16
CONNECTIONS = 200
FLOODING_CONNECTIONS = 32
FORGED = "x" * 40

Mischief = Callable[[Beside], Order]


def run(scene: Scene) -> Found:
    """Compare the others' latency with and without each kind of mischief, in turns."""
    found = Found()
    with beside(scene.ground, workers=1) as own:
        for told, mischief in _kinds(scene):
            found.add(_compared(scene, own, told, mischief))
    return found


def _kinds(scene: Scene) -> list[tuple[str, Mischief]]:
    first = scene.population.subscriptions[0]
    page, forged = Ask(first.id, first.system), Ask(first.id, first.system, FORGED)
    clog = partial(_order, scene, page, LARGE_PAGE, CONNECTIONS, Clogging())
    flood, nonsense = (
        partial(_order, scene, ask, PAGE, FLOODING_CONNECTIONS, Flooding())
        for ask in (page, forged)
    )
    return [
        ("asks and never reads", clog),
        ("pulls as fast as it can", flood),
        ("sends forged cursors", nonsense),
    ]


def _order(
    scene: Scene, ask: Ask, limit: int, connections: int, kind: Clogging | Flooding, own: Beside
) -> Order:
    where = urlsplit(own.arena.base_url)
    token = scene.tokens[ask.token]
    return Order(str(where.hostname), where.port or 80, token, ask, limit, connections, kind)


def _compared(scene: Scene, own: Beside, told: str, mischief: Mischief) -> Found:
    quiet: list[Case] = []
    bad: list[Case] = []
    most = 0
    for turn in range(scene.effort.rounds):
        for is_bad in (bool(turn % 2), not turn % 2):
            with _bad(scene, mischief(own)) if is_bad else nullcontext():
                case = _others(scene, own)
            (bad if is_bad else quiet).append(case)
            most = max(most, sample(own.arena.families).memory_bytes["gateway"])
        scene.report.line(f"{ROW}: {told}: p99 {quiet[-1].p99_ms:.1f} | {bad[-1].p99_ms:.1f} ms")
    p50, p99 = (
        statistics.ratio([getattr(q, name) for q in quiet], [getattr(b, name) for b in bad])
        for name in ("p50_ms", "p99_ms")
    )
    first, second = (statistics.median([case.p99_ms for case in each]) for each in (quiet, bad))
    finding = Finding(
        row=ROW,
        case=f"one of {scene.scale.popular:,} subscriptions {told}",
        measured=(
            f"the others' p99 {first:.1f} → {second:.1f} ms, × {p99.told()}; p50 × {p50.told()};"
            f" gateway {most / 2**20:,.0f} MB at most"
        ),
        **aim(f"p99 ≤ × {FLAT}", p99.value, len(quiet)),
        facts={
            "quiet_p99_ms": first,
            "p99_ms": second,
            "ratio": p99.value,
            "low": p99.low,
            "high": p99.high,
            "p50_ratio": p50.value,
            "gateway_bytes": most,
        },
    )
    return Found([finding], [median(quiet), median(bad)])


def _others(scene: Scene, own: Beside) -> Case:
    others = scene.population.popular(scene.scale)[1:]
    work = scene.reading(others, secrets.randbelow(len(others)), PAGE_RECORDS)
    return scene.pull(own.arena, "soak-neighbours", work, CALLERS, OTHERS_PER_SECOND)


@contextmanager
def _bad(scene: Scene, order: Order) -> Iterator[None]:
    """Let the bad neighbour do its worst meanwhile."""
    with (scene.folder / "mischief.log").open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "loadtests.soak.mischief"),
            stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT,
        )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - narrows the type
    try:
        process.stdin.write(msgspec.json.encode(order))
        process.stdin.close()
        yield
    finally:
        process.kill()
        process.wait()
