"""Many at once: ten thousand long polls, and a bad neighbour among a thousand subscriptions."""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from loadtests.arena import Beside, beside
from loadtests.generator import address
from loadtests.pages import Page
from loadtests.processes import sample
from loadtests.results import Case, middle
from loadtests.runs import Child, Observed, meanwhile, observe
from loadtests.soak.crowd import LONG, Ask, Hall, ask_on, body, publish_head
from loadtests.soak.population import Subscription
from loadtests.soak.scene import Finding, Found, Scene, aimed, compared, latencies, target
from loadtests.stage import LARGE_PAGE, PAGE
from loadtests.statistics import median
from loadtests.world import under_usual_limits

WAIT_SECONDS, AT_ONCE, LIMIT_SECONDS = 30, 6, 700.0
ONE_ROUNDS, SPREAD_ROUNDS = 5, 20
PAGE_RECORDS, CALLERS = 100, 16
# Far below what a worker can carry, so that a longer wait is the neighbour's doing.
OTHERS_PER_SECOND = 150.0
CONNECTIONS, FLOODING_CONNECTIONS = 200, 32
FORGED = "x" * 40
# How far one neighbour may move what the others wait for.
MOVED = 1.5


def polls(scene: Scene) -> Found:
    """Open the polls on one resource, then over as many as there are subscriptions of their own."""
    found, people = Found(), scene.population
    for told, subscriptions, rounds in (
        ("one resource", people.popular, ONE_ROUNDS),
        (f"{people.scale.spread:,} resources", people.one_each, SPREAD_ROUNDS),
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
    hall = Hall(
        base_url=own.arena.base_url,
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
    child = Child.calling(scene.arena.folder / "waiting.log", hall.run)
    return observe(child, own.arena.families, LIMIT_SECONDS)


def _heard(scene: Scene, told: str, before: int, seen: Observed, shape: tuple[int, int]) -> Finding:
    count, use, (resources, rounds) = scene.effort.polls, seen.use, shape
    after = use.memory_bytes["gateway"]
    facts = {
        "gateway_MB_before": before / 2**20,
        "gateway_MB_with_polls": after / 2**20,
        "KB_per_poll": (after - before) / count / 2**10,
        "idle_gateway_cores": use.cpu_seconds["gateway"] / use.seconds,
        "idle_broker_cores": use.cpu_seconds.get("broker", 0.0) / use.seconds,
        **seen.total.facts,
        "asked_to_come_again": seen.total.refused,
    }
    places = [number % resources for number in range(count)]
    wanted = sum(places.count(number % resources) for number in range(rounds))
    return Finding(
        row="long polls",
        case=f"{count:,} polls, {told}, one worker",
        facts=facts,
        target="every record to every poll, once",
        reached=not seen.total.failures and seen.total.checked == wanted,
        complaints=seen.total.complaints,
    )


def neighbours(scene: Scene) -> Found:
    """Compare the others' latency with and without each kind of mischief, in turns (P9).

    Whoever does it is under the limits that everybody has.
    """
    found, people = Found(), scene.population
    others = people.popular[1:]
    work = scene.reading("others", others, secrets.randbelow(len(others)), PAGE_RECORDS)
    limits = under_usual_limits(scene.arena.base_url, scene.arena.credentials, people.publisher)
    with beside(scene.arena) as own, limits:
        pull = partial(
            scene.pull,
            own.arena,
            "soak-neighbours",
            work,
            CALLERS,
            rate=OTHERS_PER_SECOND,
            seconds=scene.effort.neighbours_seconds,
        )
        for mischief in _mischiefs(scene, address(own.arena.base_url)[0]):
            found.add(_beside(scene, own, mischief, pull))
    return found


class Mischief(NamedTuple):
    """A request that is sent again and again; who `clogs` never reads an answer."""

    told: str
    request: bytes
    connections: int = FLOODING_CONNECTIONS
    clogs: bool = False


def _mischiefs(scene: Scene, host: str) -> Sequence[Mischief]:
    first, publisher = scene.population.subscriptions[0], scene.publisher_token
    token = scene.tokens[first.system]

    def pull(limit: int, cursor: str = "") -> bytes:
        return Page(target(first, limit, cursor), 0).request(host, [token])

    resource, faulty = scene.population.resources[0], body(LONG | {"id_number": "1"})[0]
    return (
        Mischief("asks for large pages and never reads", pull(LARGE_PAGE), CONNECTIONS, clogs=True),
        Mischief("pulls as fast as it can", pull(PAGE)),
        Mischief("sends forged cursors", pull(PAGE, FORGED)),
        Mischief(
            "publishes 8 MiB of bad records",
            publish_head(host, resource, publisher, len(faulty)) + faulty,
        ),
        Mischief("sends heads of 60 KiB without a token", _long_head(host)),
    )


def _long_head(host: str) -> bytes:
    lines = "".join(f"X-{n}: {'x' * 1_000}\r\n" for n in range(60))
    return f"GET /v1/resources HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode()


def _beside(scene: Scene, own: Beside, bad: Mischief, others: Callable[[], Case]) -> Found:
    most, log = 0, scene.arena.folder / "bad.log"
    child = Child.calling(log, ask_on, own.arena.base_url, *bad[1:])

    def disturbed() -> Case:
        nonlocal most
        with meanwhile(child, LIMIT_SECONDS):
            case = others()
            most = max(most, sample(own.arena.families).memory_bytes["gateway"])
        return case

    runs = scene.in_turns(bad.told, others, disturbed)
    first, second = (median([case.p99_ms for case in each]) for each in runs)
    finding = aimed(
        f"p99 ≤ × {MOVED}, upper end",
        compared(runs, "p99_ms"),
        lambda ratio: ratio.high <= MOVED,
        row="neighbours",
        case=f"beside {len(scene.population.popular) - 1:,} subscriptions somebody {bad.told}",
        facts={
            "others_p99_ms_before": first,
            "others_p99_ms": second,
            **latencies(runs),
            "gateway_MB_at_most": most / 2**20,
        },
    )
    return Found([finding], [middle(each) for each in runs])
