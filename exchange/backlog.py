"""What waits for the platform's own work: messages to be told, days that are over."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalog import clocks
from exchange.applications import store as applications
from exchange.delivery.push import standing as pushes
from exchange.delivery.push.standing import Pushing
from exchange.latest import standing as folds
from exchange.latest.standing import Folding
from exchange.subscriptions import store as subscriptions
from exchange.subscriptions.delivery_clock import C6
from kernel import clock, jobs, outbox
from kernel.database import Database, ReadSession, is_passing
from kernel.jobs import OpenJobs
from kernel.metrics import Gauge, Labels, Sample

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
OUTBOX_MESSAGES = Gauge(
    "shuyuan_outbox_messages", "messages that wait to be told to listeners", merge="max"
)
OUTBOX_AGE_SECONDS = Gauge(
    "shuyuan_outbox_age_seconds", "how long the oldest of them waits", merge="max"
)
OVERDUE = Gauge(
    "shuyuan_overdue", "things that are open beyond their legal day, by clock", "clock", merge="max"
)
FOLD_LAG_SECONDS = Gauge(
    "shuyuan_fold_lag_seconds",
    "how far the latest state of the slowest partition is behind its log",
    merge="max",
)
PUSH_RETRIES = Gauge("shuyuan_push_retries", "batches that receivers did not take yet", merge="max")
JOBS = Gauge("shuyuan_jobs", "jobs that have not ended, by state", "state", merge="max")


@dataclass(frozen=True, slots=True)
class Backlog:
    messages: int = 0
    oldest_seconds: float = 0.0
    overdue: Mapping[str, int] = field(default_factory=dict)
    folding: Folding = field(default_factory=Folding)
    pushing: Pushing = field(default_factory=Pushing)
    jobs: OpenJobs = field(default_factory=OpenJobs)


def told(totals: Mapping[str, Mapping[Labels, Sample]]) -> dict[str, Any]:
    """Return what is kept of it for a week (kernel/history.py): how far behind the work is."""
    return {
        "lag": _greatest(totals.get(FOLD_LAG_SECONDS.name, {})),
        "outbox": _greatest(totals.get(OUTBOX_AGE_SECONDS.name, {})),
    }


def _greatest(samples: Mapping[Labels, Sample]) -> float:
    return max((each for each in samples.values() if not isinstance(each, list)), default=0.0)


async def look(session: ReadSession, now: datetime) -> Backlog:
    messages, seconds = await outbox.waiting(session)
    overdue = await applications.overdue_by_clock(session, now)
    late = await subscriptions.undelivered(session, now)
    entries = await clocks.overdue_by_kind(session, now)
    return Backlog(
        messages,
        seconds,
        {**entries, **overdue, C6: late},
        await folds.standing(session),
        await pushes.standing(session),
        await jobs.count_open(session),
    )


async def watch(database: Database) -> None:
    """Look again and again for the worker's metrics; while the database is away nothing is told."""
    seen = Backlog()
    OUTBOX_MESSAGES.read_by(lambda: seen.messages)
    OUTBOX_AGE_SECONDS.read_by(lambda: seen.oldest_seconds)
    OVERDUE.read_all_by(lambda: {(kind,): number for kind, number in seen.overdue.items()})
    FOLD_LAG_SECONDS.read_by(lambda: seen.folding.lag_seconds)
    PUSH_RETRIES.read_by(lambda: seen.pushing.retrying)
    JOBS.read_all_by(lambda: {("queued",): seen.jobs.queued, ("running",): seen.jobs.running})
    while True:
        try:
            async with database.reading() as session:
                seen = await look(session, clock.now())
        except Exception as error:
            if not is_passing(error):
                raise
            log.debug("the backlog is not known: %r", error)
        await asyncio.sleep(LOOK_SECONDS)
