"""Ten thousand open long polls on one worker: memory, processor time, and how soon news arrives."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import msgspec

from loadtests.processes import sample
from loadtests.runs import Child, Observed, observe
from loadtests.soak import population as populations
from loadtests.soak.asking import Ask
from loadtests.soak.findings import Finding, Found
from loadtests.soak.ground import Beside, beside
from loadtests.soak.population import Subscription
from loadtests.soak.scene import Scene
from loadtests.soak.waiting import Order

ROW = "long polls"
WAIT_SECONDS = 30
AT_ONCE = 6
LIMIT_SECONDS = 700.0
ONE_ROUNDS, SPREAD_ROUNDS = 5, 20


def run(scene: Scene) -> Found:
    """Open the polls on one resource, then over as many as there are subscriptions of their own."""
    found = Found()
    for told, subscriptions, rounds in (
        ("one resource", scene.population.popular(scene.scale), ONE_ROUNDS),
        (
            f"{scene.scale.spread:,} resources",
            scene.population.spread(scene.scale)[: scene.scale.spread],
            SPREAD_ROUNDS,
        ),
    ):
        asks = latest(scene, subscriptions)
        with beside(scene.ground, workers=1) as own:
            found.add(_measured(scene, own, told, asks, subscriptions, rounds))
    return found


def latest(scene: Scene, subscriptions: Sequence[Subscription]) -> list[Ask]:
    """Return a question at the end of the log for each subscription."""
    systems = scene.population.systems
    clients = [populations.client(scene.ground.arena, system) for system in systems]

    def ask(subscription: Subscription) -> Ask:
        cursor = clients[subscription.system].rewind(subscription.id, "latest")
        return Ask(subscription.id, subscription.system, cursor)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asks = list(pool.map(ask, subscriptions))
    for each in clients:
        each.close()
    return asks


def _measured(
    scene: Scene,
    own: Beside,
    told: str,
    asks: list[Ask],
    subscriptions: Sequence[Subscription],
    rounds: int,
) -> Found:
    before = sample(own.arena.families)
    resources = list(dict.fromkeys(each.resource for each in subscriptions))
    seen = _observed(scene, own, asks, [resources.index(s.resource) for s in subscriptions],
                     resources, rounds)  # fmt: skip
    polls, facts = scene.effort.polls, dict(seen.total.facts)
    grown = seen.use.memory_bytes["gateway"] - before.memory_bytes["gateway"]
    facts |= {
        "bytes_before": before.memory_bytes["gateway"],
        "bytes_with_polls": seen.use.memory_bytes["gateway"],
        "bytes_per_poll": grown / polls,
        "idle_gateway_cores": seen.use.cpu_seconds["gateway"] / seen.use.seconds,
        "idle_broker_cores": seen.use.cpu_seconds.get("broker", 0.0) / seen.use.seconds,
    }
    measured = (
        f"{facts['bytes_before'] / 2**20:,.0f} → {facts['bytes_with_polls'] / 2**20:,.0f} MB"
        f" ({facts['bytes_per_poll'] / 1024:.1f} KB a poll); idle: gateway"
        f" {facts['idle_gateway_cores']:.3f} cores, broker {facts['idle_broker_cores']:.3f};"
        f" publish to the last of {polls // len(resources):,} answers: p50"
        f" {facts['last_p50_ms']:,.0f} ms, worst {facts['last_max_ms']:,.0f} ms"
        f" (receipt after {facts['receipt_p50_ms']:,.0f} ms);"
        f" {seen.total.refused:,} were asked to come again"
    )
    finding = Finding(
        row=ROW,
        case=f"{polls:,} polls, {told}, one worker",
        measured="; ".join([measured, *seen.total.complaints]),
        target="every record to every poll, once",
        reached=not seen.total.failures
        and seen.total.checked == _expected(polls, resources, rounds),
        facts=facts,
    )
    return Found([finding])


def _expected(polls: int, resources: Sequence[str], rounds: int) -> int:
    """Return how many answers with a record there must be in all rounds."""
    places = [number % len(resources) for number in range(polls)]
    return sum(places.count(number % len(resources)) for number in range(rounds))


def _observed(
    scene: Scene, own: Beside, asks: list[Ask], of: list[int], resources: list[str], rounds: int
) -> Observed:
    where = urlsplit(own.arena.base_url)
    order = Order(
        host=str(where.hostname),
        port=where.port or 80,
        tokens=scene.tokens,
        asks=asks,
        of=of,
        polls=scene.effort.polls,
        wait_seconds=WAIT_SECONDS,
        idle_seconds=scene.effort.idle_seconds,
        publisher_token=scene.publisher_token,
        resources=resources,
        rounds=rounds,
        settle_seconds=scene.effort.settle_seconds,
    )
    child = Child.python(
        "loadtests.soak.waiting", scene.folder / "waiting.log", msgspec.json.encode(order)
    )
    return observe(child, own.arena.families, LIMIT_SECONDS)
