"""The bus of one gateway worker: what it opens, how its rules stay fresh, how it closes."""

from dataclasses import dataclass
from typing import Self

from auth.networks import KIND as NETWORKS
from catalog.code_lists import KIND as CODE_LIST
from exchange.corrections.key_search import KeySearch
from exchange.corrections.marking import Marking
from exchange.delivery.behind import Lags
from exchange.delivery.cursors import Cursors
from exchange.delivery.departures import Departures
from exchange.delivery.files.receiving import ReceivedFiles
from exchange.delivery.fold_news import FoldNews
from exchange.delivery.gathering import Gatherer
from exchange.delivery.grant_plans import GrantPlans
from exchange.delivery.lookup.budgets import Budgets
from exchange.delivery.lookup.door import Door
from exchange.delivery.lookup.lookups import Lookups
from exchange.delivery.lookup.query import Querier
from exchange.delivery.lookup.tries import Tries
from exchange.delivery.lookup.verify import Verifier
from exchange.delivery.open_data.serving import OpenFiles
from exchange.delivery.positions import Positions
from exchange.delivery.predecessors import PredecessorSource
from exchange.delivery.pull import Meters, News, Puller
from exchange.delivery.snapshots.asking import Snapshots
from exchange.delivery.viewing.preview import Previewer
from exchange.latest.windows import FOLDED
from exchange.log.access import Access
from exchange.log.census import Census, census
from exchange.log.chunk_cache import CACHE_BYTES, ChunkCache
from exchange.log.condition import Condition
from exchange.log.connection import READ_TIMEOUT_MS, Connection
from exchange.log.reader import Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.topics import TopicPolicy, Topics
from exchange.log.watch import Tail
from exchange.metering.counts import ASKED, Counts
from exchange.metering.ledger.pages import LedgerPages
from exchange.metering.quota import Quotas
from exchange.publishing.dry_run import DryRuns
from exchange.publishing.lanes import Lanes
from exchange.publishing.ledger import Ledger
from exchange.publishing.opened import Publishing
from exchange.publishing.own_records import OwnRecords
from exchange.publishing.publish import Publisher
from exchange.publishing.quarantine import Quarantine
from exchange.replacements.register import Replacements
from exchange.services.breaker import Breaker
from exchange.services.calls import Calls
from exchange.services.plans import ServicePlans
from exchange.services.register import KIND as SERVICE
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.outbound.client import Outbound
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.tasks import Loops
from kernel.turns import FairScheduler

# What a search for the records of a key keeps at hand.
SEARCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bus:
    publisher: Publisher
    puller: Puller
    positions: Positions
    lags: Lags
    topics: Topics
    condition: Condition
    counts: Counts
    reader: Reader
    quotas: Quotas
    departures: Departures
    ledger_pages: LedgerPages
    tail: Tail
    lanes: Lanes
    ledger: Ledger
    quarantine: Quarantine
    dry_runs: DryRuns
    own_records: OwnRecords
    replacements: Replacements
    calls: Calls
    outbound: Outbound
    door: Door
    querier: Querier
    verifier: Verifier
    tries: Tries
    previewer: Previewer
    snapshots: Snapshots
    received_files: ReceivedFiles
    open_files: OpenFiles
    search: KeySearch
    marking: Marking
    connections: tuple[Connection, ...]

    @classmethod
    def open(
        cls, settings: Settings, database: Database, box: Secretbox, changes: ChangeFeed
    ) -> Self:
        """Wire the parts together; connections open when they are first needed."""
        brokers = Access.of(settings)
        # Requests on one connection are answered in order: each kind of traffic has its own.
        reading, watching, searching = (
            Connection(brokers, purpose, request_timeout_ms=READ_TIMEOUT_MS)
            for purpose in ("read", "watch", "search")
        )
        cache, turns = ChunkCache(CACHE_BYTES), FairScheduler()
        reader, tail = Reader(reading, cache, turns), Tail(watching, cache, turns)
        counts = Counts(database, settings.audit_flush_seconds, lambda: changes.life)
        quotas, departures = Quotas(database), Departures(database, changes)
        publishing = Publishing.open(settings, database, box, changes, reader, counts)
        publisher, deciding = publishing.publisher, publishing.deciding
        plans = GrantPlans(database, box, turns)
        topic_ids = TopicIds(reading, cache.forget_topic)
        for each in (reading, watching):
            each.on_learn(topic_ids.doubt)
        cursors = Cursors(box, publishing.generations, topic_ids)
        folds = FoldNews(tail.wake_subscription)
        predecessors = PredecessorSource(database, reader, topic_ids, folds)
        changes.on(FOLDED, folds.folded)
        changes.on(ASKED, counts.hurry)
        gatherer = Gatherer(database, reader, predecessors)
        ledger_pages = LedgerPages(database)
        meters = Meters(counts, quotas, departures, ledger_pages)
        puller = Puller(database, gatherer, News(tail, folds), plans, meters, changes, cursors)
        _listen(changes, publisher, plans, tail, departures)
        door = Door(plans, changes, meters)
        services, outbound = ServicePlans(database, box), Outbound.of(settings)
        _listen_for_services(changes, services)
        lookups, tries = Lookups(database), Tries(database, _budgets(settings))
        policy = TopicPolicy.of(settings)
        searcher = Reader(searching, ChunkCache(SEARCH_BYTES), turns)
        search = KeySearch(searcher)
        return cls(
            publisher,
            puller,
            Positions(database, reader, puller, plans, cursors),
            Lags(database, searcher),
            Topics(deciding, policy),
            Condition(deciding, policy),
            counts,
            reader,
            quotas,
            departures,
            ledger_pages,
            tail,
            publishing.lanes,
            publishing.ledger,
            publishing.quarantine,
            DryRuns(database, publisher.plans, turns),
            OwnRecords(database, lambda: publisher.receipt_key),
            Replacements(database, reader, topic_ids, publisher, publishing.quarantine),
            Calls(door, services, publisher, outbound, Breaker(clock.monotonic), turns),
            outbound,
            door,
            Querier(database, box, door, lookups),
            Verifier(door, lookups, tries, box),
            tries,
            Previewer(database, gatherer, door, plans, quotas),
            Snapshots(database, door, plans, quotas),
            ReceivedFiles(database, door, plans, quotas),
            OpenFiles(database, box),
            search,
            Marking(database, search, box),
            (reading, watching, searching, *publishing.connections),
        )

    def start(self, loops: Loops) -> None:
        loops.start("tail", self.tail.run)
        loops.start("waits", self.tail.end_waits)
        loops.start("counts", self.counts.run)
        loops.start("brokers", self.condition.run)
        loops.start("departures", self.departures.run)

    async def census(self) -> Census:
        """Count brokers and partitions; raises BrokerUnavailable."""
        return await census(self.connections[-1])

    async def alive(self) -> bool:
        """Whether a broker answers."""
        return await self.connections[-1].alive()

    @property
    def broker_findings(self) -> tuple[str, ...]:
        """What is wrong with the brokers, in sentences for operators."""
        return self.condition.findings or self.connections[-1].troubles

    async def close(self) -> None:
        await self.tries.close()
        await self.outbound.close()
        await self.quotas.close()
        await self.ledger_pages.close()
        await self.ledger.close()
        await self.lanes.close()
        for connection in self.connections:
            await connection.close()


def _budgets(settings: Settings) -> Budgets:
    return Budgets(
        settings.verify_subjects_per_day,
        settings.verify_tries_per_subject,
        settings.verify_mismatch_percent,
    )


def _listen_for_services(changes: ChangeFeed, services: ServicePlans) -> None:
    """Drop what a change of a service, its resource or a department's networks touches."""
    changes.on(SERVICE, services.drop)
    changes.on("resource", services.drop)
    changes.on(NETWORKS, lambda _department: services.clear())
    changes.on_reset(services.clear)


def _listen(
    changes: ChangeFeed,
    publisher: Publisher,
    plans: GrantPlans,
    tail: Tail,
    departures: Departures,
) -> None:
    """Drop what a change touches, and let open long polls look again at once."""

    def resource_changed(resource_id: str) -> None:
        publisher.plans.drop(resource_id)
        plans.drop_resource(resource_id)

    def subscription_changed(subscription_id: str) -> None:
        plans.drop(subscription_id)
        departures.changed(subscription_id)
        tail.wake_subscription(subscription_id)

    def anything_may_have_changed() -> None:
        publisher.plans.clear()
        plans.clear()
        tail.wake()

    changes.on("resource", resource_changed)
    changes.on("subscription", subscription_changed)
    changes.on(CODE_LIST, lambda _code: plans.drop_translated())
    changes.on_reset(anything_may_have_changed)
    for kind in ("client", "department"):
        changes.on(kind, tail.wake_concerned)
    # A revoked token is announced with the moment at which it would have ended.
    changes.on("token", lambda told: tail.wake_concerned(told.partition(" ")[0]))
