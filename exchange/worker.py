"""The background worker: relay, legal clock, expiry, audit sealing, folding, in one process."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Executable

from auth.keys import rotate_when_due
from auth.upkeep import forget_ended
from exchange import backlog, metrics
from exchange.alarms.telling import tell_new
from exchange.applications.clockwork import mark_breaches, reckon_anew
from exchange.attachments.keeping import sweep_unused
from exchange.calendar import settle
from exchange.corrections.clockwork import mark_corrections, reckon_corrections
from exchange.corrections.key_search import KeySearch
from exchange.corrections.marking import Marking
from exchange.corrections.settling import Settling
from exchange.delivery import store as frontiers
from exchange.delivery.files import store as files
from exchange.delivery.lookup import budget_store
from exchange.delivery.open_data import store as open_files
from exchange.delivery.push import deliveries
from exchange.delivery.push.service import PushService
from exchange.delivery.snapshots import store as snapshots
from exchange.disposals.disposal_clock import mark_undisposed
from exchange.feed import gathering
from exchange.latest import store as folds
from exchange.latest.projector import Projector
from exchange.log.access import Access
from exchange.log.chunk_cache import CACHE_BYTES, ChunkCache
from exchange.log.condition import Condition
from exchange.log.connection import READ_TIMEOUT_MS, Connection
from exchange.log.events import EventLog
from exchange.log.landmarks import LandmarkLog
from exchange.log.reader import Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.topics import TopicPolicy, Topics
from exchange.log.watch import Tail
from exchange.metering import count_store, terms
from exchange.metering.evidence import store as evidence
from exchange.metering.ledger import store as ledger
from exchange.metering.rates import store as buckets
from exchange.notices.notifier import Notifier
from exchange.publishing import issued, quarantine_entries
from exchange.publishing import store as intents
from exchange.quality import measure
from exchange.quality import store as quality_store
from exchange.recalling.making import make_recalls
from exchange.recalls import store as recalls
from exchange.relay import Relay
from exchange.restoration.guard import RestoreGuard
from exchange.sealing import seal_counts
from exchange.stewardship.carrying import carry_due, sweep
from exchange.stewardship.catalogue_clock import mark_entries, reckon_entries
from exchange.subscriptions.delivery_clock import mark_deliveries
from exchange.subscriptions.folding import keep_folded
from exchange.subscriptions.supervision import expire_due
from exchange.usage.clockwork import mark_unrecorded
from kernel import answers, audit, audit_months, calendar, clock, jobs, outbox, refusals
from kernel.database import Database, WriteSession
from kernel.database_access import DatabaseAccess
from kernel.files import blobs_of
from kernel.history import History
from kernel.job_runner import Handlers, Runner
from kernel.master_key import open_box
from kernel.metrics import Histogram
from kernel.metrics_folder import MetricsFolder
from kernel.patience import patiently
from kernel.presence import Presence
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.skew import Skew
from kernel.tasks import FAILED, STOP_SECONDS, Loops, end_by_force_after

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
RETRY_SECONDS = 2.0
# How long the first work waits for a broker, to know whether the database was restored.
COMPARE_SECONDS = 15.0
# What one turn of the deadline and expiry chores takes at most.
BACKLOG = 200
SEARCH_BYTES = 8 * 1024 * 1024
GATHER_SECONDS = 0.5
QUARANTINE_SECONDS = 60.0
FORGET_SECONDS = 600.0
KEYS_SECONDS = 3600.0
DISPOSAL_SECONDS = 3600.0
JOB_SECONDS = Histogram("shuyuan_job_seconds", "a turn of the worker's work, by name", "job")
Turn = Callable[[], Awaitable[None]]
Done = TypeVar("Done")
Chore = Callable[[WriteSession, datetime], Awaitable[int | None]]
"""What a worker does again and again, a turn at a time; a job (`kernel.jobs`) is done once."""


async def _make_months(session: WriteSession, now: datetime) -> None:
    await audit_months.make_ahead(session, now)


async def _anchor(session: WriteSession, _now: datetime) -> None:
    await audit.anchor(session)


async def _forget_answers(session: WriteSession, _now: datetime) -> int:
    return await answers.forget_old(session)


CHORES: tuple[tuple[str, Chore, float], ...] = (
    ("deadlines", mark_breaches, 30.0),
    ("deliveries", mark_deliveries, 30.0),
    ("entries", mark_entries, 30.0),
    ("calendar-years", calendar.adopt, 5.0),
    ("calendar-settling", settle, 60.0),
    ("corrections", mark_corrections, 30.0),
    ("calendar", reckon_anew, 3600.0),
    ("entries-calendar", reckon_entries, 3600.0),
    ("corrections-calendar", reckon_corrections, 3600.0),
    ("lost-seconds", evidence.note_killed, 10.0),
    ("expiry", expire_due, 30.0),
    ("use-records", mark_unrecorded, 3600.0),
    ("seal-counts", seal_counts, 10.0),
    ("anchor-audit", _anchor, 60.0),
    ("audit-months", _make_months, 86_400.0),
    ("forget-answers", _forget_answers, 3600.0),
    ("forget-counts", terms.forget_counts, 600.0),
    ("forget-intents", intents.forget_old, 3600.0),
    ("forget-flushes", count_store.forget_flushes, 3600.0),
    ("forget-buckets", buckets.forget_full, 600.0),
    ("forget-frontiers", frontiers.forget_old, 3600.0),
    ("forget-tries", budget_store.forget_old, 3600.0),
    ("forget-deliveries", deliveries.forget_old, 60.0),
    ("forget-identity", forget_ended, 3600.0),
    ("department-changes", carry_due, 5.0),
    ("department-sweep", sweep, 30.0),
    ("alarms", tell_new, 30.0),
    ("folding", keep_folded, 30.0),
    ("quality-arrivals", measure.count_arrivals, 60.0),
    ("quality-reads", measure.count_reads, 60.0),
    ("quality-timeliness", measure.look_at_timeliness, 600.0),
    ("quality-rules", measure.measure_declared, 30.0),
    ("forget-quality", quality_store.forget_old, 3600.0),
    ("forget-recalls", recalls.forget_ended, 3600.0),
    ("forget-folds", folds.forget_gone, 60.0),
    ("forget-jobs", jobs.forget_ended, 600.0),
    ("forget-uploads", files.forget_expired, 60.0),
    ("forget-open-files", open_files.forget_unasked, 3600.0),
    ("forget-snapshots", snapshots.forget_old, 600.0),
    ("sweep-attachments", sweep_unused, 600.0),
)


class Worker:
    def __init__(self, settings: Settings, told: MetricsFolder) -> None:
        self._settings = settings
        self._metrics = told
        self._database = Database(DatabaseAccess.of(settings), pool_size=settings.database_pool)
        brokers = Access.of(settings)
        self._connection = Connection(brokers, "worker")
        policy = TopicPolicy(settings.replication_factor, settings.min_insync_replicas, -1)
        topics = Topics(self._connection, policy)
        self._events = EventLog(brokers, topics)
        self._condition = Condition(self._connection, TopicPolicy.of(settings), with_topics=True)
        cache = ChunkCache(CACHE_BYTES)
        self._reader = Reader(self._connection, cache)
        # Requests on one connection are answered in order: news are waited for on another.
        self._watching = Connection(brokers, "watch", request_timeout_ms=READ_TIMEOUT_MS)
        self._tail = Tail(self._watching, cache, self._reader.turns)
        topic_ids = TopicIds(self._connection, cache.forget_topic)
        for each in (self._connection, self._watching):
            each.on_learn(topic_ids.doubt)
        self._projector = Projector(self._database, self._reader, self._tail, topic_ids)
        open_log = partial(LandmarkLog, brokers, topics, self._reader)
        self._guard = RestoreGuard(self._database, open_log)
        self._push = PushService(
            settings, self._database, self._reader, self._tail, topic_ids, self._guard
        )
        self._relay = Relay(self._database, self._events, self._guard)
        self._skew = Skew(self._database)
        self._stop = asyncio.Event()
        self._loops = Loops(self._stop.set)
        self._presence = Presence(self._database, "worker", self._about)
        self._blobs = blobs_of(settings)
        # A search reads old records on a connection of its own, and keeps few of them.
        self._searching = Connection(brokers, "search", request_timeout_ms=READ_TIMEOUT_MS)
        searcher = Reader(self._searching, ChunkCache(SEARCH_BYTES), self._reader.turns)
        search = KeySearch(searcher)
        self._settling = Settling(self._database, search)
        self._make_recalls = partial(
            make_recalls, self._database, searcher, self._open_box,
            lambda box: Marking(self._database, search, box),
        )  # fmt: skip

    async def run(self) -> int:
        """Work until a signal says stop, then return 0; FAILED when a loop has died."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        self._loops.start("restore-guard", self._guard.run)
        await self._guard.decided(COMPARE_SECONDS)
        await self._skew.look()
        self._loops.start("clock", self._skew.run)
        self._tell_metrics()
        self._loops.start("landmark", self._guard.advance_for_ever)
        self._start_relaying()
        self._loops.start("brokers", self._condition.run)
        self._loops.start("tail", self._tail.run)
        self._loops.start("waits", self._tail.end_waits)
        self._loops.start("projector", self._projector.run)
        self._loops.start("open-folds", self._projector.open_for_ever)
        for name, chore, seconds in CHORES:
            self._start_chore(name, chore, seconds)
        undisposed = partial(mark_undisposed, days=self._settings.disposal_days)
        self._start_chore("disposals", undisposed, DISPOSAL_SECONDS)
        forget = partial(quarantine_entries.forget_old, days=self._settings.quarantine_days)
        self._start_chore("forget-quarantine", forget, QUARANTINE_SECONDS)
        forget = partial(issued.forget_old, days=self._settings.receipts_days)
        self._start_chore("forget-receipts", forget, FORGET_SECONDS)
        forget = partial(ledger.forget_old, days=self._settings.ledger_days)
        self._start_chore("forget-ledger", forget, FORGET_SECONDS)
        forget = partial(refusals.forget_old, days=self._settings.refusals_days)
        self._start_chore("forget-refusals", forget, FORGET_SECONDS)
        forget = partial(gathering.forget_old, days=self._settings.events_days)
        self._start_chore("forget-events", forget, FORGET_SECONDS)
        if self._settings.has_master_key:
            self._start_chore("signing-keys", self._rotate_keys, KEYS_SECONDS)
            self._start_jobs()
            self._loops.start("push", partial(self._push.run, self._open_box))
            notifier = Notifier(self._settings, self._database)
            self._loops.start("notices", partial(notifier.run, self._open_box))
        if self._settings.worker_heartbeat_file is not None:
            path = self._settings.worker_heartbeat_file
            self._loops.start("heartbeat", partial(self._beat, path))
        await self._stop.wait()
        failed = bool(self._loops.failed)
        if failed:
            log.critical("the worker ends, to be started again: one of its loops has died")
            end_by_force_after(STOP_SECONDS)
        await self._loops.close()
        await self._presence.close()
        await self._guard.close()
        await self._relay.close()
        await self._events.close()
        await self._connection.close()
        await self._watching.close()
        await self._searching.close()
        await self._database.close()
        return FAILED if failed else 0

    def _about(self) -> dict[str, Any]:
        findings = self._condition.findings
        return metrics.about(self._database, self._skew, self._loops, findings)

    def _tell_metrics(self) -> None:
        metrics.watch(self._database, self._skew, self._loops)
        metrics.watch_log(lambda: self._condition.findings, lambda: self._reader.foreign_records)
        self._loops.start("metrics", self._metrics.run)
        self._loops.start("presence", self._presence.run)
        self._loops.start("backlog", partial(backlog.watch, self._database))
        told = History(self._database, "worker", self._metrics.place, self._counted)
        self._loops.start("history", told.run)

    def _counted(self) -> dict[str, Any]:
        return backlog.told(self._metrics.totals())

    def _start_relaying(self) -> None:
        self._loops.start("events", self._gather_for_ever)
        self._loops.start("relay", self._relay_for_ever)

    async def _gather_for_ever(self) -> None:
        """Number what waits as soon as it is left, also where no broker lets the relay go on."""
        once = self._turn("events", gathering.gather)
        while True:
            await self._patiently(partial(self._when, outbox.WAITS, once))
            await asyncio.sleep(GATHER_SECONDS)

    async def _when(self, question: Executable, once: Turn) -> None:
        if await self._database.holds(question):
            await once()

    async def _relay_for_ever(self) -> None:
        while True:
            await self._patiently(self._relay_while_it_agrees)

    async def _relay_while_it_agrees(self) -> None:
        self._guard.require()
        await self._relay.run()

    def _start_chore(self, name: str, chore: Chore, seconds: float) -> None:
        self._loops.start(name, partial(self._repeat, name, chore, seconds))

    def _start_jobs(self) -> None:
        """Jobs need files and what is sealed: a worker without a master key runs none."""
        self._start_chore("sweep-files", self._blobs.sweep, FORGET_SECONDS)
        runner = Runner(
            self._database, self._blobs, self._settings, Handlers(), self._require_right_time
        )
        self._loops.start("jobs", partial(runner.run, self._open_box))
        self._loops.start("marks", partial(self._settling.run, self._open_box))
        self._loops.start("recalls", self._make_recalls)

    def _require_right_time(self) -> None:
        """Raise Unavailable under a restored database, or a clock that is off."""
        self._guard.require_not_restored()
        # What is late, expired or old enough to be forgotten is so by the time of day.
        self._skew.require()

    async def _open_box(self) -> Secretbox:
        """Return it when the database can be asked: what needs it can do nothing without."""
        while (box := await self._patiently(self._opened_box)) is None:
            pass
        return box

    async def _opened_box(self) -> Secretbox:
        async with self._database.transaction() as session:
            return await open_box(session, self._settings)

    async def _rotate_keys(self, session: WriteSession, now: datetime) -> None:
        """Replace a signing key of age; keys are stored under the master key, which this needs."""
        settings = self._settings
        await rotate_when_due(
            session,
            now,
            box=await open_box(session, settings),
            days=settings.signing_key_days,
            token_seconds=settings.access_token_seconds,
        )

    async def _repeat(self, name: str, chore: Chore, seconds: float) -> None:
        once = self._turn(name, chore)
        while True:
            await self._patiently(once)
            await asyncio.sleep(seconds)

    def _turn(self, name: str, chore: Chore) -> Turn:
        times = JOB_SECONDS.of(name)

        async def once() -> None:
            """Repeat at once as long as there was as much to do as one turn takes."""
            self._require_right_time()
            done: int | None = BACKLOG
            while done is not None and done >= BACKLOG:
                begun = clock.monotonic()
                async with self._database.transaction() as session:
                    done = await chore(session, clock.now())
                times.add(clock.monotonic() - begun)

        return once

    async def _patiently(self, work: Callable[[], Awaitable[Done]]) -> Done | None:
        """A database or broker that is away is waited for; any other error ends the loop."""
        return await patiently(work, "worker waits", RETRY_SECONDS)

    async def _beat(self, path: Path) -> None:
        """Touch the heartbeat while every loop is alive."""
        while not self._loops.failed:
            await asyncio.to_thread(path.touch)
            await asyncio.sleep(HEARTBEAT_SECONDS)
