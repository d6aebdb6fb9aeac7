"""Single records beside batches: how much longer they take while the exchange is well loaded (P9).

Batches come at a fixed share of what the exchange carries, single records at the same rate with and
without them; both come when they are due, whether the exchange keeps up or not. Runs with and
without batches take turns, and each pair gives one ratio.
"""

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import msgspec

from exchange.log.topics import topic_of
from loadtests import facts
from loadtests.measuring import RAW, SHUYUAN, Label, judged, read_back
from loadtests.merging import together
from loadtests.results import Case
from loadtests.runs import Observed
from loadtests.stage import BATCH, Pace, Stage, generate
from loadtests.workloads import Publish

BESIDE = "publish-1-beside-batches"
SHARE = 0.7
BATCH_CALLERS, SINGLE_CALLERS = 16, 32
SINGLES_PER_SECOND = 400.0
WINDOW_SECONDS = 3.0
# Batches run before the first single record counts, and still after the last one.
LEAD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    alone: Observed
    beside: Observed
    batches: Observed

    @property
    def ratio(self) -> float:
        return self.beside.window.p99_ms / self.alone.window.p99_ms


def singles_beside_batches(stage: Stage, capacity: Callable[[], float], pace: Pace) -> Case:
    """Return the single records of the pair in the middle; capacity is in records a second."""
    rate = capacity() * SHARE / BATCH
    starts = {topic_of(feed): stage.ends(topic_of(feed))[0] for feed in stage.world.feeds}
    seen = sorted(
        (_pair(stage, rate, pace) for _ in range(pace.pairs)), key=lambda pair: pair.ratio
    )
    total = together([each.total for pair in seen for each in _runs(pair)])
    acknowledged = {topic_of(each): runs for each, runs in total.acknowledged.items()}
    found = read_back(stage, acknowledged, starts, delete=True)
    chosen = seen[(len(seen) - 1) // 2].beside
    label = Label(BESIDE, SHUYUAN, RAW, SINGLE_CALLERS, stage.arena.workers)
    told = {**_facts(seen), facts.BATCHES_DUE: rate}
    whole = Observed(chosen.window, msgspec.structs.replace(total, facts=told), chosen.use)
    return judged(label, whole, found)


def _pair(stage: Stage, rate: float, pace: Pace) -> Pair:
    warm_up, seconds = pace.warm_up_seconds, min(pace.seconds, WINDOW_SECONDS)
    # Apart: on one resource a record waits for the batch before it, because order is kept.
    mine, *theirs = stage.world.feeds
    singles, batches = Publish([mine], 1), Publish(theirs, BATCH)
    without = Pace(warm_up, seconds, rate=SINGLES_PER_SECOND)
    within = replace(without, warm_up_seconds=warm_up + LEAD_SECONDS)
    around = Pace(0.0, warm_up + seconds + 2 * LEAD_SECONDS, rate=rate, yields=True)
    alone = generate(stage, singles, SINGLE_CALLERS, without)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(generate, stage, batches, BATCH_CALLERS, around)
        beside = generate(stage, singles, SINGLE_CALLERS, within)
        return Pair(alone, beside, running.result())


def _runs(pair: Pair) -> tuple[Observed, ...]:
    return pair.alone, pair.beside, pair.batches


def _facts(pairs: list[Pair]) -> dict[str, float]:
    ratios = [pair.ratio for pair in pairs]
    return {
        facts.P99_RATIO: statistics.median(ratios),
        facts.P99_RATIO_LEAST: min(ratios),
        facts.P99_RATIO_MOST: max(ratios),
        facts.P99_ALONE: statistics.median(pair.alone.window.p99_ms for pair in pairs),
        facts.P99_BESIDE: statistics.median(pair.beside.window.p99_ms for pair in pairs),
        facts.BATCHES_ANSWERED: statistics.median(
            pair.batches.window.requests / pair.batches.window.seconds for pair in pairs
        ),
    }
