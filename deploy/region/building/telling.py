"""The events of the region, each told once: what came of it is noted for the proof."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from deploy.demo.stage import Json
from deploy.region.building import (
    announcing,
    breaching,
    contesting,
    correcting,
    deciding,
    ending,
    merging,
)
from deploy.region.building.stage import Stage
from deploy.region.events import PENDING
from deploy.region.records.cast import Cast


@dataclass(frozen=True, slots=True)
class Telling:
    """How one event is brought about; it finds what an earlier run has done of it."""

    id: str
    act: Callable[[], Json]


def begin(stage: Stage) -> None:
    """Report what the platform has to notice by itself while everything else goes on."""
    for row in stage.region.story.breaches:
        breaching.report(stage, row)


def tell(stage: Stage, cast: Cast) -> tuple[int, int]:
    """Bring about every event; return how many have happened, and how many wait for midnight."""
    states = [_state(stage, telling) for telling in _tellings(stage, cast)]
    waiting = states.count(PENDING)
    return len(states) - waiting, waiting


def _state(stage: Stage, telling: Telling) -> str:
    known = stage.notes.get(f"event {telling.id}")
    if known is None or known["state"] == PENDING:
        known = telling.act()
        stage.notes.note(f"event {telling.id}", known)
    return str(known["state"])


def _tellings(stage: Stage, cast: Cast) -> Iterator[Telling]:
    story = stage.region.story
    for bundle in story.bundles:
        yield Telling(bundle.id, partial(correcting.bundle, stage, bundle))
    for correction in story.corrections:
        yield Telling(correction.id, partial(correcting.correct, stage, correction, cast))
    for contest in story.contests:
        yield Telling(contest.id, partial(contesting.settle, stage, contest))
    for decision in story.decisions:
        yield Telling(decision.id, partial(deciding.decide, stage, decision))
    for fate in story.fates:
        yield Telling(fate.id, partial(ending.end, stage, fate))
    for announced in story.announcements:
        yield Telling(announced.id, partial(announcing.announce, stage, announced))
    for merger in story.mergers:
        yield Telling(merger.id, partial(merging.merge, stage, merger))
    for breach in story.breaches:
        yield Telling(breach.id, partial(breaching.remedy, stage, breach))
