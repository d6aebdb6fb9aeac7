"""Quotas: records of a day are reserved in PostgreSQL before a page leaves (P3).

The reservation is exact over workers: rows of `daily_use` are raised no further than the grant's
quota, whoever races. What was not handed on is given back to the day that it was reserved on,
Asia/Shanghai. A killed worker's reservations count as used, and so does one whose commit was not
heard of: nothing is tried again that may have been done.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from exchange.metering import count_store
from exchange.metering.count_store import DayOf
from kernel import clock
from kernel.bounded import Bounded
from kernel.database import Database, is_passing
from kernel.group_commit import GroupCommit
from kernel.workdays import end_of_day, local_date

log = logging.getLogger(__name__)

# Reservations of one statement; they wait for one another's rows no longer than it takes.
TOGETHER = 200
WAITING_MAX = 20_000
SPENT_MAX = 20_000


class Wish(NamedTuple):
    """Records that somebody wants to hand on; none to learn what is left."""

    of: DayOf
    records: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """`records` that may be handed on, of a day's `quota`; `left` is what others still may."""

    of: DayOf
    records: int
    quota: int | None
    left: int

    @property
    def exhausted(self) -> bool:
        """Whether nothing was given and nothing is left."""
        return self.quota is not None and not self.records and self.left <= 0


class Quotas:
    """One worker's reservations; those that are made at the same time share a statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reserving: GroupCommit[Wish, Reservation] = GroupCommit(
            self._reserve,
            most=TOGETHER,
            waiting_max=WAITING_MAX,
            unclaimed=lambda _wish, reservation: self.give_back(reservation, reservation.records),
        )
        self._returning: dict[DayOf, int] = {}
        self._returner: asyncio.Task[None] | None = None
        self._spent = Bounded[str, date](SPENT_MAX)

    def seems_spent(self, subscription_id: str) -> bool:
        """Whether nothing was left of today's quota when this worker asked last."""
        return self._spent.get(subscription_id) == local_date(clock.now())

    async def reserve(self, subscription_id: str, records: int) -> Reservation:
        """Reserve up to so many records of today's quota; none asks what is left.

        Raises the errors of the database, after which nothing may be handed on.
        """
        today = local_date(clock.now())
        reservation = await self._reserving.submit(Wish(DayOf(subscription_id, today), records))
        if reservation.left > 0 or reservation.quota is None:
            self._spent.pop(subscription_id, None)
        else:
            self._spent.put(subscription_id, today)
        return reservation

    def give_back(self, reservation: Reservation, records: int) -> None:
        """Give records back that were reserved and not handed on, at once and behind the answer."""
        if records <= 0:
            return
        self._spent.pop(reservation.of.subscription_id, None)
        self._returning[reservation.of] = self._returning.get(reservation.of, 0) + records
        if self._returner is None:
            self._returner = asyncio.create_task(self._return())

    async def close(self) -> None:
        """Wait until all that was given back is known to the others."""
        await self._reserving.close()
        if self._returner is not None:
            await asyncio.wait([self._returner])

    async def _reserve(self, wishes: Sequence[Wish]) -> Sequence[Reservation]:
        sums: dict[DayOf, int] = {}
        for wish in wishes:
            sums[wish.of] = sums.get(wish.of, 0) + wish.records
        async with self._database.single() as connection:
            uses = await count_store.reserve(connection, sums)
        return list(_shares(wishes, uses))

    async def _return(self) -> None:
        try:
            while self._returning:
                returned, self._returning = self._returning, {}
                try:
                    async with self._database.single() as connection:
                        await count_store.give_back(connection, returned)
                except Exception as error:
                    if not is_passing(error):
                        raise
                    # It may have been done: a second time would let too much leave.
                    log.warning("records not given back to %d quotas: %r", len(returned), error)
        finally:
            self._returner = None


def _shares(wishes: Iterable[Wish], uses: Mapping[DayOf, count_store.Use]) -> Iterable[Reservation]:
    """Share what was reserved together, first come, first served."""
    granted = {of: use.granted for of, use in uses.items()}
    for wish in wishes:
        use = uses.get(wish.of)
        if use is None:
            # The subscription is gone: there is nothing to give.
            yield Reservation(wish.of, 0, 0, 0)
            continue
        records = min(wish.records, granted[wish.of])
        granted[wish.of] -= records
        # What those behind in the same group were given is still left to others from here.
        remaining = 0 if use.quota is None else max(0, use.quota - use.used + granted[wish.of])
        yield Reservation(wish.of, records, use.quota, remaining)


def seconds_left_of_today() -> int:
    """Return the seconds until the day ends, Asia/Shanghai, rounded up."""
    now = clock.now()
    return int((end_of_day(local_date(now)) - now).total_seconds()) + 1
