"""Positions: a subscription's place in the log, committed and rewound by its consumer (P6)."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from auth.principal import Principal
from exchange.delivery import admission
from exchange.delivery.admission import RECORDS_READ
from exchange.delivery.cursor import OtherLogError, Position
from exchange.delivery.cursors import Cursors, position_of
from exchange.delivery.errors import RecallUnderWay
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.pull import MODE, Puller, told_lag
from exchange.delivery.recalled import is_pending
from exchange.log.reader import EARLIEST, LATEST, Edge, Reader
from exchange.metering import count_store
from exchange.modes import PULLED
from exchange.subscriptions import grants, stops
from exchange.subscriptions.grants import StoredPosition
from exchange.subscriptions.register import Subscription
from exchange.subscriptions.stops import Stopped
from kernel import clock
from kernel.database import Database, ReadSession, is_passing
from kernel.errors import Conflict, InvalidCursor, Unavailable
from kernel.workdays import local_date

# A view is worth having without its lag.
LAG_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription has come; `lag` is about records, None where it is not known.

    `stopped` says since when nothing leaves, None while something may.
    """

    position: str | None = None
    lag: int | None = None
    used_today: int = 0
    stopped: Stopped | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """What lies before a subscription: from `stored`, or from the earliest, to the ends."""

    subscription: Subscription
    plan: GrantPlan
    stored: Sequence[int] | None

    @property
    def starts(self) -> Sequence[Edge]:
        return [] if self.stored is not None else self._edges(EARLIEST)

    @property
    def ends(self) -> Sequence[Edge]:
        return self._edges(LATEST)

    def _edges(self, at: int) -> Sequence[Edge]:
        return [Edge(self.plan.topic, partition, at) for partition in range(self.plan.partitions)]

    def lag(self, found: Mapping[Edge, int]) -> int | None:
        """Return how many places that is, as far as it may be told; None where an edge is not."""
        try:
            starts = [found[edge] for edge in self.starts] if self.stored is None else self.stored
            ends = [found[edge] for edge in self.ends]
        except KeyError:
            return None
        places = sum(max(0, end - start) for start, end in zip(starts, ends, strict=True))
        pending = is_pending(self.plan, self.subscription.position_told)
        return told_lag(self.plan, places, pending=pending)


class Positions:
    def __init__(
        self,
        database: Database,
        reader: Reader,
        puller: Puller,
        plans: GrantPlans,
        cursors: Cursors,
    ) -> None:
        self._database = database
        self._reader = reader
        self._puller = puller
        self._plans = plans
        self._cursors = cursors

    async def commit(self, principal: Principal, subscription_id: str, cursor: str) -> None:
        """Store a cursor as the subscription's position; raises InvalidCursor, 403, NotFound."""
        plan = await self._own(principal, subscription_id)
        epoch, position = await self._puller.decode(plan, cursor)
        async with self._database.transaction() as session:
            await grants.commit_position(
                session,
                subscription_id,
                list(position.offsets),
                topic_id=epoch.topic_id,
                told=position.told,
                now=clock.now(),
            )

    async def rewind(self, principal: Principal, subscription_id: str, to: int) -> str:
        """Return a cursor at EARLIEST, LATEST or a time in milliseconds; nothing is stored.

        Raises RecallUnderWay, 403 errors, NotFound.
        """
        plan = await self._own(principal, subscription_id)
        if plan.recall.making:
            raise RecallUnderWay
        epoch = await self._cursors.epoch(plan)
        offsets = await self._reader.offsets(plan.topic, plan.partitions, to)
        # Whoever reads the log again has no need of what was taken back.
        position = Position(tuple(offsets), told=plan.recall.last)
        return self._cursors.encode(plan.grant.id, epoch, position)

    async def progress(
        self, session: ReadSession, subscriptions: Sequence[Subscription]
    ) -> dict[str, Progress]:
        """Return how far each has come by its stored position; lags are left to `lag`."""
        ids = [subscription.id for subscription in subscriptions]
        used = await count_store.used_by(session, ids, local_date(clock.now()))
        stopped = await stops.stopped(session, ids)
        return {
            row.id: Progress(
                await self._cursors.told(session, row.id, _stored(row)),
                None,
                used.get(row.id, 0),
                stopped.get(row.id),
            )
            for row in subscriptions
        }

    async def lag(self, subscription: Subscription) -> int | None:
        """Return how many places of the log follow the stored position; None if it is unknown."""
        return (await self.lags([subscription]))[subscription.id]

    async def lags(self, subscriptions: Sequence[Subscription]) -> dict[str, int | None]:
        """Return the lag of each of a page; None for those that were not told in time.

        With a row filter 1 stands for any number: how many rows are hidden is not told.
        """
        lags: dict[str, int | None] = dict.fromkeys(row.id for row in subscriptions)
        found: dict[Edge, int] = {}
        ways: list[Way] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(LAG_SECONDS):
                asked = (self._way(row) for row in subscriptions if row.mode in PULLED)
                ways = [way for way in await asyncio.gather(*asked) if way is not None]
                edges = {edge for way in ways for edge in (*way.starts, *way.ends)}
                await self._reader.look_up(edges, found)
        return lags | {way.subscription.id: way.lag(found) for way in ways}

    async def _way(self, subscription: Subscription) -> Way | None:
        """Return from where to where a subscription has to go; None where it cannot be told."""
        try:
            # A broker that is silent about one topic leaves time for the others' edges.
            async with asyncio.timeout(LAG_SECONDS / 2):
                plan = await self._plans.get(subscription.id)
                stored = await self._stored_offsets(plan, subscription)
        except Exception as error:
            if isinstance(error, Unavailable | Conflict | TimeoutError) or is_passing(error):
                return None
            raise
        return Way(subscription, plan, stored)

    async def _stored_offsets(
        self, plan: GrantPlan, subscription: Subscription
    ) -> Sequence[int] | None:
        """Return the offsets of the stored position, None where it means nothing."""
        if subscription.position:
            epoch = await self._cursors.epoch(plan)
            with suppress(OtherLogError, InvalidCursor):
                return position_of(_stored(subscription), epoch, plan.partitions).offsets
        return None

    async def _own(self, principal: Principal, subscription_id: str) -> GrantPlan:
        principal.require_scope(RECORDS_READ)
        plan = await self._plans.of(subscription_id, principal.id)
        admission.check(principal, plan.grant, MODE)
        return plan


def _stored(subscription: Subscription) -> StoredPosition:
    return StoredPosition(
        subscription.position, subscription.position_topic, subscription.position_told
    )
