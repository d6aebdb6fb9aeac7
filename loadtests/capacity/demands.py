"""What a load asks for in one second of its peak, in kinds of work; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.capacity.costs import (
    COUNT,
    FETCH,
    GATEWAY,
    KEYED,
    LOOKUP,
    PAGE,
    POLL,
    PROJECT,
    PUBLISH,
    SEAL,
    TOKEN,
    Costs,
)
from loadtests.capacity.load import Load, Site

# What a worker holds its event loop for, and counts for the audit.
COUNTED = (PUBLISH, PAGE, POLL)


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
        Demand(PUBLISH, singles, 1),
        Demand(PUBLISH, batches, load.batch),
        Demand(KEYED, (singles + batches) * load.keyed_share),
        Demand(PAGE, pages, load.page),
        Demand(FETCH, pages * missed, load.page),
        # A page is projected once for all at a worker whose grants show the same.
        Demand(PROJECT, pages * missed * (1 - load.whole_share), load.page, shape),
        Demand(POLL, load.subscriptions / load.poll_seconds),
        Demand(LOOKUP, load.lookups),
        Demand(TOKEN, load.clients / load.token_seconds),
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
    pairs = load.subscriptions + load.resources
    return [
        Demand(COUNT, min(requests, pairs * workers / site.flush_seconds)),
        Demand(SEAL, min(requests, pairs / 60)),
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
    if demand.shape is not None and part == GATEWAY:
        spent += costs.projection.beyond_fitted(*demand.shape) * demand.records
    return max(0.0, spent)
