"""Many at once: ten thousand long polls, and a bad neighbour among a thousand subscriptions."""

import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from urllib.parse import urlsplit

from loadtests.arena import Beside, beside
from loadtests.processes import sample
from loadtests.results import Case, middle
from loadtests.runs import Child, Observed, observe
from loadtests.soak import mischief, waiting
from loadtests.soak.mischief import Asking
from loadtests.soak.population import Subscription
from loadtests.soak.scene import FLAT, Finding, Found, Scene, aim, target
from loadtests.soak.waiting import Ask
from loadtests.stage import LARGE_PAGE, PAGE
from loadtests.statistics import median, ratio

WAIT_SECONDS, AT_ONCE, LIMIT_SECONDS = 30, 6, 700.0
ONE_ROUNDS, SPREAD_ROUNDS = 5, 20
PAGE_RECORDS, CALLERS = 100, 16
# Far below what a worker can carry, so that a longer wait is the neighbour's doing.
OTHERS_PER_SECOND = 150.0
CONNECTIONS, FLOODING_CONNECTIONS = 200, 32
FORGED = "x" * 40


def polls(scene: Scene) -> Found:
    """Open the polls on one resource, then over as many as there are subscriptions of their own."""
    found = Found()
    popular = scene.population.popular(scene.scale)
    spread = scene.population.spread(scene.scale)[: scene.scale.spread]
    for told, subscriptions, rounds in (
        ("one resource", popular, ONE_ROUNDS),
        (f"{scene.scale.spread:,} resources", spread, SPREAD_ROUNDS),
    ):
        resources = list(dict.fromkeys(each.resource for each in subscriptions))
        asks = _latest(scene, subscriptions, resources)
        with beside(scene.arena) as own:
            before = sample(own.arena.families).memory_bytes["gateway"]
            seen = _waited(scene, own, asks, resources, rounds)
            found.findings.append(_heard(scene, told, before, seen, (len(resources), rounds)))
    return found


def _latest(
    scene: Scene, subscriptions: Sequence[Subscription], resources: Sequence[str]
) -> list[Ask]:
    """Return a question at the end of the log for each subscription."""
    places = {resource: place for place, resource in enumerate(resources)}
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        clients = [stack.enter_context(scene.client(each)) for each in scene.population.systems]

        def ask(each: Subscription) -> Ask:
            cursor = clients[each.system].rewind(each.id, "latest")
            return Ask(each.id, each.system, cursor, places[each.resource])

        return list(pool.map(ask, subscriptions))


def _waited(
    scene: Scene, own: Beside, asks: list[Ask], resources: list[str], rounds: int
) -> Observed:
    where = urlsplit(own.arena.base_url)
    order = waiting.Order(
        host=str(where.hostname),
        port=where.port or 80,
        tokens=scene.tokens,
        asks=asks,
        polls=scene.effort.polls,
        wait_seconds=WAIT_SECONDS,
        idle_seconds=scene.effort.idle_seconds,
        publisher_token=scene.publisher_token,
        resources=resources,
        rounds=rounds,
        settle_seconds=scene.effort.settle_seconds,
    )
    child = Child.python("loadtests.soak.waiting", scene.arena.folder / "waiting.log", order)
    return observe(child, own.arena.families, LIMIT_SECONDS)


def _heard(scene: Scene, told: str, before: int, seen: Observed, shape: tuple[int, int]) -> Finding:
    count, use, (resources, rounds) = scene.effort.polls, seen.use, shape
    after = use.memory_bytes["gateway"]
    facts = dict(seen.total.facts) | {
        "bytes_before": before,
        "bytes_with_polls": after,
        "bytes_per_poll": (after - before) / count,
        "idle_gateway_cores": use.cpu_seconds["gateway"] / use.seconds,
        "idle_broker_cores": use.cpu_seconds.get("broker", 0.0) / use.seconds,
    }
    measured = (
        f"{before / 2**20:,.0f} → {after / 2**20:,.0f} MB"
        f" ({facts['bytes_per_poll'] / 1024:.1f} KB a poll); idle: gateway"
        f" {facts['idle_gateway_cores']:.3f} cores, broker {facts['idle_broker_cores']:.3f};"
        f" publish to the last of {count // resources:,} answers: p50"
        f" {facts['last_p50_ms']:,.0f} ms, worst {facts['last_max_ms']:,.0f} ms"
        f" (receipt after {facts['receipt_p50_ms']:,.0f} ms);"
        f" {seen.total.refused:,} were asked to come again"
    )
    places = [number % resources for number in range(count)]
    wanted = sum(places.count(number % resources) for number in range(rounds))
    return Finding(
        row="long polls",
        case=f"{count:,} polls, {told}, one worker",
        measured="; ".join([measured, *seen.total.complaints]),
        target="every record to every poll, once",
        reached=not seen.total.failures and seen.total.checked == wanted,
        facts=facts,
    )


Mischief = Callable[[Beside], mischief.Order]


def neighbours(scene: Scene) -> Found:
    """Compare the others' latency with and without each kind of mischief, in turns (P9)."""
    found, first = Found(), scene.population.subscriptions[0]
    token = scene.tokens[first.system]
    others = scene.population.popular(scene.scale)[1:]
    turned = secrets.randbelow(len(others))
    work = scene.reading("others", others, turned, PAGE_RECORDS)
    with beside(scene.arena) as own:
        pull = partial(scene.pull, own.arena, "soak-neighbours", work, CALLERS, OTHERS_PER_SECOND)
        page, forged = target(first, PAGE), target(first, PAGE, FORGED)
        for told, asking in (
            (
                "asks and never reads",
                Asking(token, target(first, LARGE_PAGE), CONNECTIONS, clogs=True),
            ),
            ("pulls as fast as it can", Asking(token, page, FLOODING_CONNECTIONS, clogs=False)),
            ("sends forged cursors", Asking(token, forged, FLOODING_CONNECTIONS, clogs=False)),
        ):
            found.add(_compared(scene, own, told, asking, pull))
    return found


def _compared(
    scene: Scene, own: Beside, told: str, asking: Asking, others: Callable[[], Case]
) -> Found:
    quiet: list[Case] = []
    bad: list[Case] = []
    most = 0
    for turn in range(scene.effort.rounds):
        for is_bad in (bool(turn % 2), not turn % 2):
            with _bad(scene, own, asking) if is_bad else nullcontext():
                (bad if is_bad else quiet).append(others())
            most = max(most, sample(own.arena.families).memory_bytes["gateway"])
        scene.report.line(f"{told}: p99 {quiet[-1].p99_ms:.1f} | {bad[-1].p99_ms:.1f} ms")
    p50, p99 = (
        ratio([getattr(q, name) for q in quiet], [getattr(b, name) for b in bad])
        for name in ("p50_ms", "p99_ms")
    )
    first, second = (median([case.p99_ms for case in each]) for each in (quiet, bad))
    finding = Finding(
        row="neighbours",
        case=f"one of {scene.scale.popular:,} subscriptions {told}",
        measured=f"the others' p99 {first:.1f} → {second:.1f} ms, × {p99.told()}; p50 × "
        f"{p50.told()}; gateway {most / 2**20:,.0f} MB at most",
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
    return Found([finding], [middle(quiet), middle(bad)])


@contextmanager
def _bad(scene: Scene, own: Beside, asking: Asking) -> Iterator[None]:
    """Let the bad neighbour do its worst meanwhile."""
    where = urlsplit(own.arena.base_url)
    order = mischief.Order(str(where.hostname), where.port or 80, asking)
    child = Child.python("loadtests.soak.mischief", scene.arena.folder / "mischief.log", order)
    with child.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            child.arguments, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
    assert process.stdin is not None  # noqa: S101 - narrows the type
    try:
        process.stdin.write(child.order)
        process.stdin.close()
        yield
    finally:
        process.kill()
        process.wait()
