"""Scale in subscriptions, in resources and in the log: what a record costs at both ends of it."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from loadtests.arena import Arena, Beside, beside
from loadtests.generator import Publish, Pull
from loadtests.pages import Page
from loadtests.processes import sample
from loadtests.results import Case
from loadtests.runs import RunFailed
from loadtests.soak.population import Subscription
from loadtests.soak.scene import CALLERS, Finding, Found, Scene, target
from loadtests.stage import BATCH, LARGE_PAGE, PAGE

FILLING_SECONDS = 600.0
# Twice what the gateway's cache of chunks holds: reading them in turn meets the broker.
PAGES = 400
START, MIDDLE, TAIL = "start", "middle", "tail"
FIRST_CALLERS, FIRST_SECONDS = 32, 300.0
SINGLE_CALLERS = 64


def fill(scene: Scene) -> None:
    """Publish what the logs are to hold beforehand, once; raises RunFailed.

    The same first page everywhere; of the popular resource a page so large that no connection holds
    it back unnoticed; one long log in three parts, with the times at which the later two began.
    """
    population, effort = scene.population, scene.effort
    if population.marks:
        return
    _publish(scene, Publish(population.resources, PAGE, bodies=1), len(population.resources))
    _publish(scene, Publish(population.resources[:1], PAGE), LARGE_PAGE // PAGE - 1)
    long, tail = Publish([population.long], PAGE), count_of_pages(scene)
    half = effort.log_records // PAGE // 2
    marks = {}
    for mark, count in (("", half), (MIDDLE, half - tail), (TAIL, tail)):
        marks[mark] = datetime.now(UTC).isoformat()
        _publish(scene, long, count)
    population.marks = marks
    population.write(scene.arena.folder)


def _publish(scene: Scene, work: Publish, requests: int) -> None:
    # The first page of everybody comes once: a caller alone asks in turn.
    callers = CALLERS if len(work.resources) == 1 else 1
    seen = scene.drive(scene.arena, work, callers, requests=requests, seconds=FILLING_SECONDS)
    if seen.total.failures or seen.total.records != requests * work.records:
        raise RunFailed("; ".join(seen.total.complaints) or "the log could not be filled in time")


def count_of_pages(scene: Scene) -> int:
    """Return how many pages of each place of the long log are read."""
    return min(PAGES, scene.effort.log_records // PAGE // 4)


def places(scene: Scene, mark: str) -> Pull:
    """Return the pages of the long log that follow a place, to be read in turn."""
    return scene.book(f"long-{mark}", walked(scene, mark, count_of_pages(scene)))


def walked(scene: Scene, mark: str, count: int) -> list[tuple[Page, bytes]]:
    """Walk from a place of the long log on and return each page with what asks for it."""
    reader = scene.population.long_reader
    to = "earliest" if mark == START else scene.population.marks[mark]
    with scene.client(scene.population.systems[reader.system]) as asking:
        cursor, taken = asking.rewind(reader.id, to), []
        for _ in range(count):
            page = asking.page(reader.id, cursor, limit=PAGE)
            asked = Page(target(reader, PAGE, cursor), PAGE, token=reader.system)
            taken.append((asked, b"".join(line + b"\n" for line in page.lines)))
            cursor = page.next_cursor
    return taken


def long_log(scene: Scene) -> Found:
    """Pull from and publish into a short and a long log, on one worker."""
    found, told = Found(), f"{PAGE} → {scene.effort.log_records:,} records"
    resources = scene.population.resources
    short = scene.reading("short", scene.population.one_each)
    one = scene.reading("short-one", scene.population.one_each[:1])
    last = scene.book("long-last", walked(scene, TAIL, count_of_pages(scene))[-1:])
    with beside(scene.arena) as own:
        pull = partial(scene.pull, own.arena)
        into = partial(_publish_into, scene, own.arena)
        pairs = [
            (
                f"pull-500 from the broker, {mark}, {told}",
                partial(pull, "soak-pull-500-short-log", short),
                partial(pull, f"soak-pull-500-long-log-{mark}", places(scene, mark)),
            )
            for mark in (START, MIDDLE, TAIL)
        ]
        cached = (
            f"pull-500 of the last page, {told}",
            partial(pull, "soak-pull-500-cached", one),
            partial(pull, "soak-pull-500-long-log-cached", last),
        )
        published = (
            f"publish-{BATCH}, {told}",
            partial(into, f"{BATCH}-short-log", resources[-1:], BATCH),
            partial(into, f"{BATCH}-long-log", [scene.population.long], BATCH),
        )
        for pair in (*pairs, cached, published):
            found.add(scene.compare("log", *pair))
    return found


def _publish_into(
    scene: Scene,
    arena: Arena,
    name: str,
    resources: Sequence[str],
    count: int,
    callers: int = CALLERS,
) -> Case:
    turned = secrets.randbelow(len(resources))
    work = Publish([*resources[turned:], *resources[:turned]], count)
    return scene.publish(arena, f"soak-publish-{name}", work, callers)


def resources(scene: Scene) -> Found:
    """Publish into and pull from one resource and all of them, on one worker."""
    found, every = Found(), scene.population.resources
    count = len(every)
    with beside(scene.arena) as own:
        # The worker loads every contract and opens every partition before anything is measured.
        warming = Publish(every, 1)
        scene.drive(own.arena, warming, SINGLE_CALLERS, requests=2 * count, seconds=120.0)
        for size, callers in ((BATCH, CALLERS), (1, SINGLE_CALLERS)):
            into = partial(_publish_into, scene, own.arena)
            # The last resource takes the place of the one: nobody reads it.
            one = partial(into, f"{size}-over-1", every[-1:], size, callers)
            all_of_them = partial(into, f"{size}-over-{count}", every, size, callers)
            told = f"publish-{size}, 1 → {count:,} resources"
            found.add(scene.compare("resources", told, one, all_of_them))
        pages, many = count_of_pages(scene), scene.reading("over-all", scene.population.one_each)
        base = partial(scene.pull, own.arena, "soak-pull-500-over-1", places(scene, START))
        over = len(scene.population.one_each)
        other = partial(scene.pull, own.arena, f"soak-pull-500-over-{over}", many)
        told = f"pull-500 from the broker, {pages} pages of 1 → {over:,} resources"
        found.add(scene.compare("resources", told, base, other))
    return found


def subscriptions(scene: Scene) -> Found:
    """A cold start, the first pull of each, then one against all of them.

    On one worker that has just started, so that its caches are known.
    """
    people = scene.population
    spread, popular, some = people.spread, people.popular, people.scale.spread
    scene.first_page  # noqa: B018 - taken before the gateway starts
    with beside(scene.arena) as own:
        found = _cold(scene, own, [*popular, *spread])
        for told, few, many in (
            (f"1 → {len(popular):,} of one resource", popular[1:2], popular),
            (f"{some:,} → {len(spread):,} of {some:,} resources", people.one_each, spread),
        ):
            base, other = (partial(_pull, scene, own, each) for each in (few, many))
            found.add(scene.compare("subscriptions", f"pull-500, {told}", base, other))
    return found


def _pull(scene: Scene, own: Beside, subscriptions: Sequence[Subscription]) -> Case:
    name = f"soak-pull-500-of-{len(subscriptions)}"
    work = scene.reading(name, subscriptions, secrets.randbelow(len(subscriptions)))
    return scene.pull(own.arena, name, work)


def _cold(scene: Scene, own: Beside, subscriptions: Sequence[Subscription]) -> Found:
    """Let every subscription pull once: each has its grant loaded and compiled."""
    before = sample(own.arena.families).memory_bytes["gateway"]
    work, count = scene.reading("cold", subscriptions), len(subscriptions)
    seen = scene.drive(own.arena, work, FIRST_CALLERS, requests=count, seconds=FIRST_SECONDS)
    case = scene.case(own.arena, "soak-first-pulls", FIRST_CALLERS, seen)
    each = (seen.use.memory_bytes["gateway"] - before) / count
    spent = sum(seen.use.cpu_seconds.get(part, 0.0) for part in ("gateway", "database"))
    cpu = spent / count * 1e6
    there = len(scene.population.resources)
    start = Finding(
        row="subscriptions",
        case=f"cold start with {there:,} resources, {count:,} subscriptions",
        facts={"seconds_to_ready": own.seconds_to_ready},
    )
    first = Finding(
        row="subscriptions",
        case=f"the first pull of each of {count:,} subscriptions, {FIRST_CALLERS} callers",
        facts={
            "first_pulls_per_second": case.requests_per_second,
            "p50_ms": case.p50_ms,
            "p99_ms": case.p99_ms,
            "cpu_us_per_first_pull": cpu,
            "gateway_MB_before": before / 2**20,
            "gateway_KB_per_subscription": each / 2**10,
        },
    )
    return Found([start, first], [case])
