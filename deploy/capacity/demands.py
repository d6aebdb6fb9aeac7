"""What a load asks for in one second of its peak, in kinds of work, and how long it waits; pure.

One worker is one event loop: requests come at random, one is served at a time, and some take a
thousand times as long as others. That is an M/G/1 queue, and its mean wait is Pollaczek's and
Khinchine's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.capacity import costs as kind
from deploy.capacity.costs import Costs
from deploy.capacity.load import Load, Site

# What a worker holds its event loop for, and counts for the audit.
COUNTED = (kind.PUBLISH, kind.PAGE, kind.POLL)
# What is added to a request of another kind, and held for as part of it.
ADDED = {kind.PUBLISH: (kind.KEYED,), kind.PAGE: (kind.PROJECT, kind.FETCH)}


@dataclass(frozen=True, slots=True)
class Demand:
    """So many requests a second of one kind of work, each with so many records.

    `shape` is how many items are projected and how many of them masked.
    """

    work: str
    per_second: float
    records: float = 0.0
    shape: tuple[int, int] | None = None


def demands_of(load: Load, miss_share: float) -> list[Demand]:
    """Return the requests of one second of the peak; `miss_share` of pages ask the broker."""
    records = load.peak_records_per_second
    singles = records * load.singles_share
    batches = (records - singles) / load.batch
    pages = records * load.readers / load.page
    missed = load.behind_share + (1 - load.behind_share) * miss_share
    shape = (load.items, load.masks)
    return [
        Demand(kind.PUBLISH, singles, 1),
        Demand(kind.PUBLISH, batches, load.batch),
        Demand(kind.KEYED, (singles + batches) * load.keyed_share),
        Demand(kind.PAGE, pages, load.page),
        Demand(kind.FETCH, pages * missed, load.page),
        # A page is projected once for all at a worker whose grants show the same.
        Demand(kind.PROJECT, pages * missed * (1 - load.whole_share), load.page, shape),
        Demand(kind.POLL, load.subscriptions / load.poll_seconds),
        Demand(kind.LOOKUP, load.lookups),
        Demand(kind.TOKEN, load.clients / load.token_seconds),
    ]


def miss_share(readers: float, workers: int) -> float:
    """Return the share of pages that a worker does not have at hand.

    Every page of a resource is asked for by its readers, each time at a worker by chance; the
    first to ask at a worker makes it read. So it is read by as many workers as are asked at all.
    """
    if readers <= 1:
        return 1.0
    asked_workers: float = workers * (1 - (1 - 1 / workers) ** readers)
    return asked_workers / readers


def counted_of(load: Load, site: Site, demands: Sequence[Demand], workers: int) -> list[Demand]:
    """Return the flushes of counts and the sealing of minutes.

    A worker writes a row for each pair of a client and a subscription or resource that it served
    since its last flush: no more than it had requests, no more than there are pairs. A minute is
    sealed once for each pair that was served in it.
    """
    requests = per_second(demands, *COUNTED)
    return [
        Demand(kind.COUNT, min(requests, load.pairs * workers / site.flush_seconds)),
        Demand(kind.SEAL, min(requests, load.pairs / 60)),
    ]


def per_second(demands: Sequence[Demand], *works: str) -> float:
    return sum(each.per_second for each in demands if each.work in works)


def cores(costs: Costs, demands: Sequence[Demand], part: str) -> float:
    """Return how many cores of a part the demands keep busy, its idle processes left out."""
    return sum(each.per_second * microseconds(costs, each, part) for each in demands) / 1e6


def microseconds(costs: Costs, demand: Demand, part: str) -> float:
    """Return the processor time of one request of a demand."""
    line = costs.line(demand.work, part)
    spent = line.request + line.record * demand.records
    if demand.shape is not None and part == kind.GATEWAY:
        spent += costs.projection.beyond_fitted(*demand.shape) * demand.records
    return max(0.0, spent)


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
    found = []
    for each in demands:
        if each.work not in (kind.KEYED, kind.PROJECT, kind.FETCH):
            added = [one for one in demands if one.work in ADDED.get(each.work, ())]
            beside = cores(costs, added, kind.GATEWAY) / (per_second(demands, each.work) or 1.0)
            own = microseconds(costs, each, kind.GATEWAY) / 1e6
            found.append(Kind(each.per_second, own + beside))
    return found
