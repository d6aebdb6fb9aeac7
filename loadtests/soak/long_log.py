"""Scale in the log: a topic of a few hundred records, and one of ten million."""

from functools import partial

import msgspec

from loadtests.results import Case
from loadtests.soak import filling
from loadtests.soak.findings import Found
from loadtests.soak.ground import Beside, beside
from loadtests.soak.scene import CALLERS, Scene
from loadtests.stage import BATCH, PAGE

ROW = "log"


def run(scene: Scene) -> Found:
    """Pull from and publish into a short and a long log, on one worker."""
    found, told = Found(), f"{PAGE} → {scene.effort.log_records:,} records"
    spread = scene.population.spread(scene.scale)[: scene.scale.spread]
    with beside(scene.ground, workers=1) as own:
        works = {
            mark: filling.places(scene, mark)
            for mark in (filling.START, filling.MIDDLE, filling.TAIL)
        }
        for mark, work in works.items():
            base = partial(scene.pull, own.arena, "soak-pull-500-short-log", scene.reading(spread))
            other = partial(scene.pull, own.arena, f"soak-pull-500-long-log-{mark}", work)
            found.add(scene.compare(ROW, f"pull-500 from the broker, {mark}, {told}", base, other))
        last = msgspec.structs.replace(works[filling.TAIL], asks=works[filling.TAIL].asks[-1:])
        base = partial(scene.pull, own.arena, "soak-pull-500-cached", scene.reading(spread[:1]))
        other = partial(scene.pull, own.arena, "soak-pull-500-long-log-cached", last)
        found.add(scene.compare(ROW, f"pull-500 of the last page, {told}", base, other))
        short, long = (
            partial(_publish, scene, own, resource)
            for resource in (scene.population.resources[-1], scene.population.long)
        )
        found.add(scene.compare(ROW, f"publish-{BATCH}, {told}", short, long))
    return found


def _publish(scene: Scene, own: Beside, resource: str) -> Case:
    named = "long" if resource == scene.population.long else "short"
    work = scene.feeding([resource], BATCH)
    return scene.publish(own.arena, f"soak-publish-{BATCH}-{named}-log", work, CALLERS)
