"""Shares the endpoints over the workers: each is pushed by whoever holds its lease.

A process that dies lets go of its leases within LEASE_SECONDS, and another goes on with them.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.push import store
from exchange.delivery.push.lane import PartitionPusher
from exchange.delivery.push.store import LEASE_SECONDS
from exchange.delivery.push.tools import Tools
from exchange.subscriptions.grants import Grant
from kernel import clock
from kernel.database import is_passing
from kernel.errors import ShuyuanError
from kernel.patience import patiently
from kernel.tasks import cancelled
from kernel.workdays import local_date

log = logging.getLogger(__name__)

ROUND_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 0.5
LEASES_MAX: Final = 2_000


class Pushers:
    """The endpoints of one worker process."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.lanes: dict[str, list[PartitionPusher]] = {}
        self._leased_until = 0.0
        self._called = asyncio.Event()

    def wake(self, subscription_id: str) -> None:
        """Something of the subscription or of its endpoint has changed."""
        for each in self.lanes.get(subscription_id, ()):
            each.wake()
        self._called.set()

    def wake_those(self, concerned: Callable[[Grant], bool]) -> None:
        """Something has changed that only grants of some kind depend on.

        Each lane that wakes asks the database anew and gives up what it is handing on: a change of
        one resource, of which there are many, must not reach the pushes of all others.
        """
        for subscription_id, lanes in self.lanes.items():
            if concerned(lanes[0].grant):
                self.wake(subscription_id)

    def wake_all(self) -> None:
        for subscription_id in self.lanes:
            self.wake(subscription_id)

    async def run(self) -> None:
        """Push for ever; what passes is waited for, any other error is raised."""
        try:
            while True:
                self._called.clear()
                await patiently(self._round, "pushing waits", RETRY_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(ROUND_SECONDS):
                        await self._called.wait()
        finally:
            await self._stop(list(self._tasks))
            with suppress(Exception):
                async with asyncio.timeout(1), self._tools.database.transaction() as session:
                    await store.release(session, self._tools.me)

    def _may_send(self) -> bool:
        return clock.monotonic() < self._leased_until

    async def _round(self) -> None:
        """Renew the leases, take what nobody holds, and push exactly that."""
        for task in self._tasks.values():
            if task.done():
                task.result()
        tools, asked_at = self._tools, clock.monotonic()
        async with tools.database.single() as connection:
            held = await store.claim(connection, tools.me, LEASES_MAX, local_date(clock.now()))
        self._leased_until = asked_at + LEASE_SECONDS
        if held:
            await tools.hosts.look()
        await self._stop(self._tasks.keys() - held)
        for subscription_id in held - self._tasks.keys():
            self._tasks[subscription_id] = asyncio.create_task(self._push(subscription_id))

    async def _stop(self, subscription_ids: Collection[str]) -> None:
        for subscription_id in subscription_ids:
            self.lanes.pop(subscription_id, None)
        await cancelled([self._tasks.pop(each) for each in subscription_ids])

    async def _push(self, subscription_id: str) -> None:
        """Push every partition of one subscription as long as its lease is held."""
        plan = await self._opened(subscription_id)
        lanes = [
            PartitionPusher(self._tools, plan, partition, self._may_send)
            for partition in range(plan.partitions)
        ]
        self.lanes[subscription_id] = lanes
        async with asyncio.TaskGroup() as group:
            for each in lanes:
                group.create_task(each.run())

    async def _opened(self, subscription_id: str) -> GrantPlan:
        """Return the plan once the lanes of its partitions have begun."""
        tools = self._tools
        while True:
            try:
                plan = await tools.plans.get(subscription_id)
                epoch = await tools.cursors.epoch(plan)
                async with tools.database.transaction() as session:
                    await store.open_lanes(
                        session, subscription_id, epoch.topic_id, plan.partitions
                    )
            except Exception as error:
                if not isinstance(error, ShuyuanError) and not is_passing(error):
                    raise
                log.warning("push of %s does not begin yet: %r", subscription_id, error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return plan
