"""How long a request waits for a busy worker; pure.

One worker is one event loop: requests come at random, one is served at a time, and some take a
thousand times as long as others. That is an M/G/1 queue, and its mean wait is Pollaczek's and
Khinchine's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.capacity.costs import FETCH, GATEWAY, KEYED, PAGE, PROJECT, PUBLISH, Costs
from loadtests.capacity.demands import Demand, microseconds, per_second


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one kind: how many a second come to all workers, and how long each one takes."""

    per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Queue:
    """`busy` is the share of time that a worker works, 0 to 1."""

    busy: float
    mean_wait_seconds: float

    def wait_seconds(self, percentile: float) -> float:
        """Return the wait that this share of requests does not exceed; 0 to 1.

        The tail is taken to be exponential, as heavy traffic makes it.
        """
        late = 1 - percentile
        if self.busy <= late:
            return 0.0
        return self.mean_wait_seconds / self.busy * math.log(self.busy / late)


def queue(kinds: Sequence[Kind], workers: int) -> Queue:
    """Return the queue before each of so many workers among which requests fall at random."""
    busy = sum(kind.per_second * kind.seconds for kind in kinds) / workers
    if busy >= 1:
        return Queue(busy, math.inf)
    squares = sum(kind.per_second * kind.seconds**2 for kind in kinds) / workers
    return Queue(busy, squares / (2 * (1 - busy)))


def kinds_of(costs: Costs, demands: Sequence[Demand]) -> list[Kind]:
    """Return how long requests hold a worker's loop.

    What a key adds to a publish, and projection and fetch to a page, are spread over all of them.
    """
    beside = {
        PUBLISH: _beside(costs, demands, PUBLISH, (KEYED,)),
        PAGE: _beside(costs, demands, PAGE, (PROJECT, FETCH)),
    }
    return [
        Kind(
            each.per_second,
            (microseconds(costs, each, GATEWAY) + beside.get(each.work, 0.0)) / 1e6,
        )
        for each in demands
        if each.work not in (KEYED, PROJECT, FETCH)
    ]


def _beside(costs: Costs, demands: Sequence[Demand], work: str, additions: Sequence[str]) -> float:
    added = sum(
        each.per_second * microseconds(costs, each, GATEWAY)
        for each in demands
        if each.work in additions
    )
    return added / (per_second(demands, work) or 1.0)
