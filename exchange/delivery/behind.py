"""How far each copy that follows the log lies behind it, for operators: places, never values (P8).

A division is looked at as a whole, so that the slowest can stand first.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement
from sqlalchemy import select as columns
from sqlmodel import col, select

from auth.regions.within import within
from catalog import versions
from exchange.delivery.push.tables import Lane
from exchange.log.reader import EARLIEST, LATEST, Edge, Reader
from exchange.log.topics import topic_of
from exchange.modes import FOLLOWING
from exchange.subscriptions.states import LIVE
from exchange.subscriptions.tables import Subscription
from kernel.database import Database, ReadSession
from kernel.errors import NotFound
from kernel.recent import Recent, is_within
from kernel.turns import Steps, unhurried
from kernel.workdays import local_date

log = logging.getLogger(__name__)

SUBSCRIPTIONS_MAX: Final = 20_000
# What brokers have not told by then is not known.
LOOK_SECONDS: Final = 5.0
# A page of one subscription does not wait for a drawing of it.
ONE_SECONDS: Final = 2.0
# Page after page is of one look; an older one is shown while a new one is on its way, to this age.
FRESH, SHOWN = timedelta(seconds=15), timedelta(seconds=60)
DIVISIONS_MAX: Final = 8
STEP: Final = 200
NONE: Final[Mapping[int, int | None]] = {}
# First place and end of each partition by resource; nothing of those of which one is not known.
Edges: TypeAlias = Mapping[str, Sequence[tuple[int, int]]]
# Ten thousand whole subscriptions take a second to be read, these columns a tenth of that.
READ: Final = (
    col(Subscription.id),
    col(Subscription.resource_id),
    col(Subscription.provider_department),
    col(Subscription.consumer_department),
    col(Subscription.client_id),
    col(Subscription.mode),
    col(Subscription.status),
    col(Subscription.position),
    col(Subscription.position_at),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A partition between its first place and its end, and the place that is next, if any is."""

    partition: int
    next: int | None
    earliest: int
    end: int

    @property
    def gap(self) -> bool:
        """Whether places were dropped by retention before they were read."""
        return self.next is not None and self.next < self.earliest

    @property
    def places(self) -> int:
        """How many places are still to be read."""
        return max(0, self.end - max(self.earliest, self.next or 0))


@dataclass(frozen=True, slots=True)
class Behind:
    """A live subscription; `read_at` is when its position was stored. No stretches: not known."""

    id: str
    resource_id: str
    provider_department: str
    consumer_department: str
    client_id: str
    mode: str
    status: str
    read_at: datetime | None
    stretches: Sequence[Stretch]

    @property
    def places(self) -> int | None:
        return sum(each.places for each in self.stretches) if self.stretches else None

    @property
    def gap(self) -> bool:
        return any(each.gap for each in self.stretches)


class Counted(NamedTuple):
    """A subscription as READ, with how far it is behind; `gap` as of a stretch."""

    id: str
    read_at: datetime | None
    places: int | None
    gap: bool
    row: Any


class Order(StrEnum):
    PLACES = "places"
    SILENCE = "silence"


def by_places(rows: Iterable[Counted]) -> list[Counted]:
    """Return those behind the most first, those of which nothing is known last; pure."""
    return sorted(rows, key=lambda each: (each.places is None, -(each.places or 0), each.id))


def by_silence(rows: Iterable[Counted]) -> list[Counted]:
    """Return those that never stored a position first, then the longest silent; pure."""
    return sorted(rows, key=lambda each: (each.read_at.timestamp() if each.read_at else 0, each.id))


ORDERS: Final[Mapping[Order, Callable[[Iterable[Counted]], list[Counted]]]] = {
    Order.PLACES: by_places,
    Order.SILENCE: by_silence,
}


@dataclass(frozen=True)
class Look:
    """The subscriptions of a division at a moment; `cut` where there are SUBSCRIPTIONS_MAX more.

    Ten thousand are counted, and those that are shown put in words: an object for each stretch of
    each would take longer than all the rest.
    """

    at: datetime
    rows: Sequence[Counted]
    cut: bool
    edges: Edges
    lanes: Mapping[str, Mapping[int, int | None]]

    @cached_property
    def places(self) -> int:
        """What is known of all together."""
        return sum(each.places or 0 for each in self.rows)

    @cached_property
    def untold(self) -> int:
        """Of how many nothing is known."""
        return sum(each.places is None for each in self.rows)

    @cached_property
    def gaps(self) -> Sequence[Counted]:
        return [each for each in self.rows if each.gap]

    def page(self, rows: Iterable[Counted], order: Order, first: int, most: int) -> list[Behind]:
        """Return some of the rows in an order, from a place on."""
        ordered = ORDERS[order](rows)
        return [self._shown(each) for each in ordered[first : first + most]]

    def one(self, subscription_id: str) -> Behind:
        """Raise NotFound for what does not follow the log, or is another division's."""
        found = (each for each in self.rows if each.id == subscription_id)
        one = next(found, None)
        if one is None:
            raise NotFound
        return self._shown(one)

    def _shown(self, counted: Counted) -> Behind:
        row = counted.row
        return _behind(row, self.lanes.get(row.id, {}), self.edges.get(row.resource_id, ()))


class Lags:
    def __init__(self, database: Database, reader: Reader) -> None:
        self._database = database
        self._reader = reader
        self._looks = Recent[Look](FRESH, DIVISIONS_MAX)
        self._renewing: asyncio.Task[Look] | None = None

    async def look(self, region_code: str, now: datetime) -> Look:
        """Return what a division's subscriptions lay behind by, at most SHOWN ago."""
        kept = self._looks.known(region_code)
        if kept is None or not is_within(SHOWN, kept, now):
            return await self._anew(region_code, now)
        if now - kept.at >= FRESH and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._anew(region_code, now))
            self._renewing.add_done_callback(_told)
        return kept

    async def _anew(self, region_code: str, now: datetime) -> Look:
        return await self._looks.get(region_code, now, lambda: self._look(region_code, now))

    async def standing(self, row: Subscription) -> Sequence[Stretch]:
        """Return how far one subscription has come now; nothing where that is not known."""
        if row.mode not in FOLLOWING:
            return ()
        async with self._database.reading() as session:
            lanes = await _lanes(session, col(Lane.subscription_id) == row.id)
            partitions = await versions.partitions_of(session, {row.resource_id})
        edges = await self._edges(partitions, ONE_SECONDS)
        stored = _stored(row.mode, row.position, lanes.get(row.id, {}))
        return _stretches(stored, edges.get(row.resource_id, ()))

    async def _look(self, region_code: str, now: datetime) -> Look:
        async with self._database.reading() as session:
            rows = await _following(session, region_code, local_date(now))
            lanes = await _lanes(session, within(col(Subscription.region_code), region_code))
            wanted = {row.resource_id for row in rows}
            partitions = await versions.partitions_of(session, wanted)
        # No connection is held while brokers are asked.
        edges = await self._edges(partitions, LOOK_SECONDS)
        shown = await unhurried(counted(rows[:SUBSCRIPTIONS_MAX], lanes, edges))
        return Look(now, shown, len(rows) > SUBSCRIPTIONS_MAX, edges, lanes)

    async def _edges(self, partitions: Mapping[str, int], seconds: float) -> Edges:
        found: dict[Edge, int] = {}
        edges = [
            Edge(topic_of(resource_id), partition, at)
            for resource_id, count in partitions.items()
            for partition in range(count)
            for at in (EARLIEST, LATEST)
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._reader.learn(edge.topic for edge in edges)
                await self._reader.look_up(edges, found)
        return {
            resource_id: _bounds(topic_of(resource_id), count, found)
            for resource_id, count in partitions.items()
        }


def _told(renewed: "asyncio.Task[Look]") -> None:
    """Tell of a look that failed: whoever asks when the last one is too old looks himself."""
    if not renewed.cancelled() and (error := renewed.exception()) is not None:
        log.warning("how far subscriptions lie behind could not be looked at: %r", error)


def _bounds(topic: str, partitions: int, found: Mapping[Edge, int]) -> Sequence[tuple[int, int]]:
    """Return first place and end of each partition; nothing where one is not known."""
    bounds = []
    for partition in range(partitions):
        earliest = found.get(Edge(topic, partition, EARLIEST))
        end = found.get(Edge(topic, partition, LATEST))
        if earliest is None or end is None:
            return ()
        bounds.append((earliest, end))
    return bounds


def counted(
    rows: Sequence[Any], lanes: Mapping[str, Mapping[int, int | None]], edges: Edges
) -> Steps[list[Counted]]:
    """Count how far each is behind, in turns; pure."""
    shown: list[Counted] = []
    for row in rows:
        # A field of a row by its name takes ten times as long.
        id_, resource_id, _provider, _consumer, _client, mode, _status, position, read_at = row
        stored = _stored(mode, position, lanes.get(id_, NONE))
        places, gap = _count(stored, edges.get(resource_id, ()))
        shown.append(Counted(id_, read_at, places, gap, row))
        if not len(shown) % STEP:
            yield
    return shown


def _count(
    stored: Mapping[int, int | None], bounds: Sequence[tuple[int, int]]
) -> tuple[int | None, bool]:
    """Return what `_stretches` come to, without making them."""
    places, gap = 0, False
    for partition, (earliest, end) in enumerate(bounds):
        place = stored.get(partition)
        if place is None:
            places += end - earliest
        elif place > end:
            return None, False
        else:
            gap = gap or place < earliest
            places += end - max(earliest, place)
    return (places, gap) if bounds else (None, False)


async def _following(session: ReadSession, region_code: str, today: date) -> Sequence[Any]:
    """Return the live subscriptions of a division that follow the log, one more than are shown."""
    query = (
        columns(*READ)
        .where(
            col(Subscription.status).in_(LIVE),
            col(Subscription.valid_until) >= today,
            col(Subscription.mode).in_(FOLLOWING),
            within(col(Subscription.region_code), region_code),
        )
        .order_by(col(Subscription.id))
        .limit(SUBSCRIPTIONS_MAX + 1)
    )
    return (await session.execute(query)).all()


async def _lanes(
    session: ReadSession, wanted: ColumnElement[bool]
) -> Mapping[str, Mapping[int, int | None]]:
    """Return how far each partition of live subscriptions was pushed, by subscription."""
    query = (
        select(Lane.subscription_id, Lane.partition, Lane.next_offset)
        .join(Subscription, col(Subscription.id) == Lane.subscription_id)
        .where(col(Subscription.status).in_(LIVE), wanted)
    )
    found: dict[str, dict[int, int | None]] = defaultdict(dict)
    for subscription_id, partition, next_offset in (await session.exec(query)).all():
        found[subscription_id][partition] = next_offset
    return found


def _stored(
    mode: str, position: Sequence[int | None] | None, lanes: Mapping[int, int | None]
) -> Mapping[int, int | None]:
    """Return the place that is next, by partition."""
    return lanes if mode == "push" else dict(enumerate(position or ()))


def _behind(
    row: Any,  # noqa: ANN401 - a subscription, or what was READ of it
    lanes: Mapping[int, int | None],
    bounds: Sequence[tuple[int, int]],
) -> Behind:
    return Behind(
        row.id,
        row.resource_id,
        row.provider_department,
        row.consumer_department,
        row.client_id,
        row.mode,
        row.status,
        row.position_at,
        _stretches(_stored(row.mode, row.position, lanes), bounds),
    )


def _stretches(
    stored: Mapping[int, int | None], bounds: Sequence[tuple[int, int]]
) -> Sequence[Stretch]:
    """Return every partition's stretch; nothing where a place is beyond the end.

    There lies a position in a log that was made anew since: it says nothing.
    """
    stretches = []
    for partition, (earliest, end) in enumerate(bounds):
        place = stored.get(partition)
        if (place or 0) > end:
            return ()
        stretches.append(Stretch(partition, place, earliest, end))
    return stretches
