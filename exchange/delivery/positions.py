"""Positions: a subscription's place in the log, committed and rewound by its consumer (P6)."""

import asyncio
from dataclasses import dataclass

from auth.principal import Principal, Scope
from exchange.broker.fetch import EARLIEST, LATEST, Reader
from exchange.delivery.cursor import Place
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.pull import MODE, Puller
from exchange.subscriptions import grants
from kernel import clock
from kernel.changes import announce
from kernel.database import Database
from kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a subscription stands: the stored cursor, and how many places of the log follow it."""

    cursor: str | None
    lag: int


class Positions:
    def __init__(
        self, database: Database, reader: Reader, puller: Puller, plans: GrantPlans
    ) -> None:
        self._database = database
        self._reader = reader
        self._puller = puller
        self._plans = plans

    async def commit(self, principal: Principal, subscription_id: str, cursor: str) -> None:
        """Store a cursor as the subscription's position; raises InvalidCursor, 403, NotFound."""
        plan = await self._own(principal, subscription_id)
        place = self._puller.decode(plan, cursor)
        async with self._database.transaction() as session:
            offsets = list(place.offsets)
            now = clock.now()
            await grants.commit_position(session, subscription_id, offsets, now=now)
            await announce(session, "subscription", subscription_id)

    async def rewind(self, principal: Principal, subscription_id: str, to: int) -> str:
        """Return a cursor at EARLIEST, LATEST or a time in milliseconds; nothing is stored."""
        plan = await self._own(principal, subscription_id)
        return self._puller.encode(plan, Place(tuple(await self._offsets(plan, to))))

    async def standing(self, subscription_id: str) -> Standing:
        """Return the stored position and its lag; NotFound, BrokerUnavailable."""
        plan = await self._plans.get(subscription_id)
        stored = plan.grant.position
        starts = list(stored) if stored else await self._offsets(plan, EARLIEST)
        ends = await self._offsets(plan, LATEST)
        lag = sum(max(0, end - start) for start, end in zip(starts, ends, strict=True))
        cursor = self._puller.encode(plan, Place(tuple(stored))) if stored else None
        return Standing(cursor, lag)

    async def _own(self, principal: Principal, subscription_id: str) -> GrantPlan:
        principal.require_scope(Scope.RECORDS_READ)
        plan = await self._plans.get(subscription_id)
        if plan.grant.client_id != principal.id:
            raise NotFound
        grants.check_active(plan.grant, clock.now())
        grants.check_mode(plan.grant, MODE)
        return plan

    async def _offsets(self, plan: GrantPlan, at: int) -> list[int]:
        partitions = range(plan.partitions)
        return await asyncio.gather(
            *(self._reader.offset(plan.topic, partition, at) for partition in partitions)
        )
