"""Seals counts of publishes and reads, and the evidence for them, minute by minute (P8)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from exchange.events import ExchangeEvent
from exchange.metering import count_store
from exchange.metering.evidence import store as delivered_store
from exchange.metering.evidence.delivered import handed
from exchange.metering.evidence.trails import sealed_publishes, sealed_reads
from exchange.metering.tables import PublishCount, ReadCount
from exchange.modes import Live
from exchange.subscriptions import store as subscriptions
from kernel import audit
from kernel.actor import Actor
from kernel.database import WriteSession

# Counts of a minute reach the database about a second after it; later ones open it again.
SETTLED_SECONDS = 5


async def seal_counts(session: WriteSession, now: datetime) -> int:
    """Write one event for every count of a minute that is over; return how many."""
    before = now - timedelta(seconds=60 + SETTLED_SECONDS)
    publishes = await count_store.unsealed(session, PublishCount, before)
    for row in publishes:
        _record(session, ExchangeEvent.RECORDS_PUBLISHED, row, "resource", row.resource_id)
    reads = await count_store.unsealed(session, ReadCount, before)
    for row in reads:
        _record(session, ExchangeEvent.RECORDS_READ, row, "subscription", row.subscription_id)
    ranges = [each for row in reads for each in handed(row.subscription_id, row.evidence)]
    await delivered_store.add(session, ranges)
    live = [row.resource_id for row in publishes if row.records]
    await subscriptions.note_live(session, Live.RECORDS, live, now)
    await count_store.seal(session, publishes)
    await count_store.seal(session, reads)
    return len(publishes) + len(reads)


def _record(
    session: WriteSession,
    event: ExchangeEvent,
    row: PublishCount | ReadCount,
    subject_type: str,
    subject_id: str,
) -> None:
    actor = Actor("client", row.client_id, row.department)
    audit.record(session, actor, event, subject_type, subject_id, **_facts(row))


def _facts(row: PublishCount | ReadCount) -> Mapping[str, object]:
    times = {"batches": row.batches} if isinstance(row, PublishCount) else {"pages": row.pages}
    sealed = sealed_publishes if isinstance(row, PublishCount) else sealed_reads
    sums = {"minute": row.minute, "records": row.records, "bytes": row.bytes_}
    return {**sums, **times, **sealed(row.evidence)}
