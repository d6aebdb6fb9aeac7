"""Pushing of one worker process: what it opens, how its rules stay fresh, how it closes."""

import asyncio
from collections.abc import Awaitable, Callable

from auth import networks
from auth.acting_clients import ActingClients
from exchange.delivery.cursors import Cursors
from exchange.delivery.departures import Departures
from exchange.delivery.fold_news import FoldNews
from exchange.delivery.gathering import Gatherer
from exchange.delivery.grant_plans import GrantPlans
from exchange.delivery.predecessors import PredecessorSource
from exchange.delivery.push import endpoints
from exchange.delivery.push.pushers import Pushers
from exchange.delivery.push.sender import Sender
from exchange.delivery.push.tools import Hosts, Tools
from exchange.latest.windows import FOLDED
from exchange.log.reader import Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.watch import Tail
from exchange.metering.counts import Counts
from exchange.metering.quota import Quotas
from exchange.restoration.guard import RestoreGuard
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.database_access import DatabaseAccess
from kernel.generation import Generations
from kernel.ids import new_id
from kernel.outbound.client import Outbound
from kernel.secretbox import Secretbox
from kernel.settings import Settings


class PushService:
    """`run` pushes until it is cancelled; it needs the master key, under which secrets are kept."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        reader: Reader,
        tail: Tail,
        topic_ids: TopicIds,
        restore: RestoreGuard,
    ) -> None:
        self._settings = settings
        self._database = database
        self._reader = reader
        self._tail = tail
        self._topic_ids = topic_ids
        self._restore = restore

    async def run(self, open_box: Callable[[], Awaitable[Secretbox]]) -> None:
        settings = self._settings
        changes = ChangeFeed(
            DatabaseAccess.of(settings), stale_seconds=settings.rules_stale_seconds
        )
        outbound = Outbound.of(settings)
        tools = self._tools(await open_box(), changes, outbound)
        pushers = Pushers(tools)
        self._listen(changes, tools, pushers)
        try:
            async with asyncio.TaskGroup() as group:
                for loop in (changes.run, tools.counts.run, tools.departures.run, pushers.run):
                    group.create_task(loop())
        finally:
            await tools.quotas.close()
            await outbound.close()

    def _tools(self, box: Secretbox, changes: ChangeFeed, outbound: Outbound) -> Tools:
        database, settings = self._database, self._settings
        folds = FoldNews(self._tail.wake_subscription)
        predecessors = PredecessorSource(database, self._reader, self._topic_ids, folds)
        return Tools(
            me=new_id(),
            database=database,
            box=box,
            changes=changes,
            restore=self._restore,
            clients=ActingClients(database, changes),
            plans=GrantPlans(database, box, self._reader.turns),
            gatherer=Gatherer(database, self._reader, predecessors),
            tail=self._tail,
            folds=folds,
            cursors=Cursors(box, Generations(database, changes), self._topic_ids),
            quotas=Quotas(database),
            counts=Counts(database, settings.audit_flush_seconds),
            departures=Departures(database, changes),
            sender=Sender(outbound, settings.base_url),
            hosts=Hosts(database),
        )

    def _listen(self, changes: ChangeFeed, tools: Tools, pushers: Pushers) -> None:
        """Drop what a change touches, and let whoever pushes look again at once."""

        def subscription_changed(subscription_id: str) -> None:
            tools.plans.drop(subscription_id)
            tools.departures.changed(subscription_id)
            pushers.wake(subscription_id)

        def resource_changed(resource_id: str) -> None:
            tools.plans.drop_resource(resource_id)
            pushers.wake_those(lambda grant: grant.resource_id == resource_id)

        def client_changed(client_id: str) -> None:
            pushers.wake_those(lambda grant: grant.client_id == client_id)

        def networks_changed(department: str) -> None:
            pushers.wake_those(lambda grant: grant.consumer_department == department)

        def anything_may_have_changed() -> None:
            tools.plans.clear()
            pushers.wake_all()

        changes.on("subscription", subscription_changed)
        changes.on("resource", resource_changed)
        changes.on(endpoints.KIND, pushers.wake)
        changes.on(FOLDED, tools.folds.folded)
        changes.on("client", client_changed)
        changes.on(networks.KIND, networks_changed)
        # It may be the provider, or one that a delegation names.
        changes.on("department", lambda _key: pushers.wake_all())
        changes.on_reset(anything_may_have_changed)
