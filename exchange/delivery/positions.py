"""Positions: a subscription's place in the log, committed and rewound by its consumer (P6)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from auth.principal import Principal
from exchange.delivery import admission
from exchange.delivery.admission import RECORDS_READ
from exchange.delivery.cursor import Place
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.pull import MODE, Puller
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.metering import count_store
from exchange.subscriptions import grants
from exchange.subscriptions.register import Subscription
from kernel import clock
from kernel.database import Database, ReadSession
from kernel.errors import Conflict, Unavailable
from kernel.workdays import local_date


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription has come; `lag` is about records, None where it is not known."""

    position: str | None = None
    lag: int | None = None
    used_today: int = 0


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

    async def rewind(self, principal: Principal, subscription_id: str, to: int) -> str:
        """Return a cursor at EARLIEST, LATEST or a time in milliseconds; nothing is stored."""
        plan = await self._own(principal, subscription_id)
        return self._puller.encode(plan.grant.id, Place(tuple(await self._offsets(plan, to))))

    async def progress(
        self, session: ReadSession, subscriptions: Sequence[Subscription]
    ) -> dict[str, Progress]:
        """Return how far each has come by its stored position; lags are left to `lag`."""
        ids = [subscription.id for subscription in subscriptions]
        used = await count_store.used_by(session, ids, local_date(clock.now()))
        return {
            row.id: Progress(self._cursor(row), None, used.get(row.id, 0)) for row in subscriptions
        }

    async def lag(self, subscription: Subscription) -> int | None:
        """Return how many places of the log follow the stored position; None if it is unknown."""
        if subscription.mode != MODE:
            return None
        try:
            plan = await self._plans.get(subscription.id)
            starts: list[int] = subscription.position or await self._offsets(plan, EARLIEST)
            ends = await self._offsets(plan, LATEST)
        except (Unavailable, Conflict):
            return None
        return sum(max(0, end - start) for start, end in zip(starts, ends, strict=True))

    def _cursor(self, subscription: Subscription) -> str | None:
        if not subscription.position:
            return None
        return self._puller.encode(subscription.id, Place(tuple(subscription.position)))

    async def _own(self, principal: Principal, subscription_id: str) -> GrantPlan:
        principal.require_scope(RECORDS_READ)
        plan = await self._plans.of(subscription_id, principal.id)
        admission.check(principal, plan.grant, MODE)
        return plan

    async def _offsets(self, plan: GrantPlan, at: int) -> list[int]:
        partitions = range(plan.partitions)
        return await asyncio.gather(
            *(self._reader.offset(plan.topic, partition, at) for partition in partitions)
        )
