"""Scale in subscriptions: a cold start, the first pull of each, then one against all of them."""

import secrets
from collections.abc import Sequence
from functools import partial

from loadtests.measuring import RAW, SHUYUAN, Label, judged
from loadtests.processes import sample
from loadtests.readback import Answer
from loadtests.results import Case
from loadtests.soak.findings import Finding, Found
from loadtests.soak.ground import Beside, beside
from loadtests.soak.population import Subscription
from loadtests.soak.scene import CALLERS, Scene

ROW = "subscriptions"
FIRST_CALLERS = 32
FIRST_SECONDS = 300.0


def run(scene: Scene) -> Found:
    """Measure on one worker that has just started, so that its caches are known."""
    spread, popular = scene.population.spread(scene.scale), scene.population.popular(scene.scale)
    subscriptions = [*popular, *spread]
    scene.first_page  # noqa: B018 - taken before the gateway starts
    with beside(scene.ground, workers=1) as own:
        found = _cold(scene, own, subscriptions)
        spread, popular = (
            scene.population.spread(scene.scale),
            scene.population.popular(scene.scale),
        )
        pairs: Sequence[tuple[str, Sequence[Subscription], Sequence[Subscription]]] = (
            (f"1 → {len(popular):,} of one resource", popular[1:2], popular),
            (
                f"{scene.scale.spread:,} → {len(spread):,} of {scene.scale.spread:,} resources",
                spread[: scene.scale.spread],
                spread,
            ),
        )
        for told, few, many in pairs:
            base, other = (partial(_pull, scene, own, each) for each in (few, many))
            found.add(scene.compare(ROW, f"pull-500, {told}", base, other))
    return found


def _pull(scene: Scene, own: Beside, subscriptions: Sequence[Subscription]) -> Case:
    first = secrets.randbelow(len(subscriptions))
    work = scene.reading(subscriptions, first)
    return scene.pull(own.arena, f"soak-pull-500-of-{len(subscriptions)}", work, CALLERS)


def _cold(scene: Scene, own: Beside, subscriptions: Sequence[Subscription]) -> Found:
    """Let every subscription pull once: each has its grant loaded and compiled."""
    before = sample(own.arena.families)
    work, count = scene.reading(subscriptions), len(subscriptions)
    seen = scene.drive(own.arena, work, FIRST_CALLERS, requests=count, seconds=FIRST_SECONDS)
    name = "soak-first-pulls"
    case = judged(Label(name, SHUYUAN, RAW, FIRST_CALLERS, 1), seen, Answer())
    grown = seen.use.memory_bytes["gateway"] - before.memory_bytes["gateway"]
    spent = sum(seen.use.cpu_seconds.get(part, 0.0) for part in ("gateway", "database"))
    facts = {
        "first_pulls_per_second": case.requests_per_second,
        "p50_ms": case.p50_ms,
        "p99_ms": case.p99_ms,
        "cpu_us_per_first_pull": spent / count * 1e6,
        "gateway_bytes_before": before.memory_bytes["gateway"],
        "gateway_bytes_per_subscription": grown / count,
    }
    start = Finding(
        row=ROW,
        case=f"cold start with {scene.scale.resources:,} resources, {count:,} subscriptions",
        measured=f"{own.seconds_to_ready:.1f} s from start to ready",
        facts={"seconds_to_ready": own.seconds_to_ready},
    )
    first = Finding(
        row=ROW,
        case=f"the first pull of each of {count:,} subscriptions, {FIRST_CALLERS} callers",
        measured=(
            f"{case.requests_per_second:,.0f}/s,"
            f" p50 {case.p50_ms:.1f} ms, p99 {case.p99_ms:.1f} ms,"
            f" {facts['cpu_us_per_first_pull']:,.0f} µs CPU of gateway and database each;"
            f" gateway {before.memory_bytes['gateway'] / 2**20:,.0f} MB"
            f" + {grown / count / 1024:.1f} KB a subscription"
        ),
        facts=facts,
    )
    return Found([start, first], [case])
