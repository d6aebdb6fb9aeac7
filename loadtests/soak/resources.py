"""Scale in resources: what a record costs when all come to one resource, and to thousands."""

import secrets
from collections.abc import Callable
from functools import partial

from loadtests.results import Case
from loadtests.soak import filling
from loadtests.soak.findings import Found
from loadtests.soak.ground import Beside, beside
from loadtests.soak.scene import CALLERS, Scene
from loadtests.stage import BATCH

ROW = "resources"
SINGLE_CALLERS = 64


def run(scene: Scene) -> Found:
    """Publish into and pull from one resource and all of them, on one worker."""
    found, count = Found(), scene.scale.resources
    with beside(scene.ground, workers=1) as own:
        _warm(scene, own)
        for records, callers in ((BATCH, CALLERS), (1, SINGLE_CALLERS)):
            base, other = (
                partial(_publish, scene, own, over, records, callers) for over in (1, count)
            )
            told = f"publish-{records}, 1 → {count:,} resources"
            found.add(scene.compare(ROW, told, base, other))
        found.add(_pulls(scene, own))
    return found


def _warm(scene: Scene, own: Beside) -> None:
    """Let the worker load every contract and open every partition before anything is measured."""
    resources = scene.population.resources[: scene.scale.resources]
    work = scene.feeding(resources, 1)
    scene.drive(own.arena, work, SINGLE_CALLERS, requests=len(resources), seconds=120.0)


def _publish(scene: Scene, own: Beside, over: int, records: int, callers: int) -> Case:
    # The last resource takes the place of the one: nobody reads it.
    resources = scene.population.resources[: scene.scale.resources][-over:]
    turned = secrets.randbelow(len(resources))
    work = scene.feeding([*resources[turned:], *resources[:turned]], records)
    return scene.publish(own.arena, f"soak-publish-{records}-over-{over}", work, callers)


def _pulls(scene: Scene, own: Beside) -> Found:
    """Read as many pages of one log as there are resources with one page each."""
    spread = scene.population.spread(scene.scale)[: scene.scale.spread]
    one = filling.places(scene, filling.START)
    pull: Callable[..., Case] = partial(scene.pull, own.arena)
    return scene.compare(
        ROW,
        f"pull-500 from the broker, {len(one.asks)} pages of 1 → {len(spread):,} resources",
        partial(pull, "soak-pull-500-over-1", one),
        partial(pull, f"soak-pull-500-over-{len(spread)}", scene.reading(spread)),
    )
