"""Compares what the audit says was published and read with the log itself (ADR 0013)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from exchange.events import ExchangeEvent
from exchange.log.batches import client_in, count_in, digest_in
from exchange.log.chunks import Chunk
from exchange.log.errors import PositionExpiredError
from exchange.log.reader import Reader
from exchange.log.topics import topic_of
from exchange.metering.evidence.trails import PublishEvidence, RangeDigest, added
from exchange.subscriptions import grants
from kernel import audit
from kernel.audit import Filter
from kernel.database import ReadSession
from kernel.paging import LIMIT_MAX, PageRequest
from kernel.tables import AuditRow

FETCH_BYTES = 4 * 1024 * 1024


class Verdict(StrEnum):
    """`UNLISTED`: more ranges than are listed; `EXPIRED`: the log no longer keeps them."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNLISTED = "unlisted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one piece of evidence: of a minute's publishes, or of a worker's reads."""

    event: str
    subject_id: str
    client_id: str
    minute: str
    verdict: Verdict


class LogEndsError(Exception):
    """The log ends before what was delivered of it."""


async def compare(
    session: ReadSession, reader: Reader, since: datetime | None, until: datetime | None
) -> list[Finding]:
    """Recompute the evidence of all minutes that were sealed in a time, `until` exclusive."""
    reads = await _last_seals(session, ExchangeEvent.RECORDS_READ, since, until)
    publishes = await _last_seals(session, ExchangeEvent.RECORDS_PUBLISHED, since, until)
    findings = [finding for row in reads for finding in await _compare_reads(session, reader, row)]
    return findings + [await _compare_publishes(reader, group) for group in _overlapping(publishes)]


async def _last_seals(
    session: ReadSession, event: str, since: datetime | None, until: datetime | None
) -> list[AuditRow]:
    """Return the events that hold the last word on their minutes, the oldest minute first."""
    seals: dict[tuple[str, str, str], AuditRow] = {}
    cursor: str | None = None
    while True:
        page = await audit.page(
            session, PageRequest(LIMIT_MAX, cursor), Filter(since, until, event=event)
        )
        for row in page.items:
            # Minutes that were sealed before evidence was kept have none.
            if row.details.keys() & {"delivered", "spans"}:
                seals[row.details["minute"], row.subject_id, row.actor_id] = row
        cursor = page.next_cursor
        if cursor is None:
            return [seals[key] for key in sorted(seals)]


async def _compare_reads(session: ReadSession, reader: Reader, row: AuditRow) -> list[Finding]:
    grant = await grants.load(session, row.subject_id)
    topic = topic_of(grant.resource_id)
    return [
        _finding(row, await _read_verdict(reader, topic, row.subject_id, trail))
        for trail in row.details["delivered"]
    ]


async def _read_verdict(
    reader: Reader, topic: str, subscription_id: str, trail: Mapping[str, Any]
) -> Verdict:
    if trail["left_out"]:
        return Verdict.UNLISTED
    partition = trail["partition"]
    digest = RangeDigest(subscription_id, trail["revision"], trail["version"], partition)
    try:
        for first, last in trail["ranges"]:
            async for chunk, start, end in _stretches(reader, topic, partition, first, last + 1):
                digest.add(chunk, start, end)
    except PositionExpiredError:
        return Verdict.EXPIRED
    except LogEndsError:
        return Verdict.DIFFERS
    return Verdict.AGREES if digest.hexdigest() == trail["digest"] else Verdict.DIFFERS


def _overlapping(rows: Sequence[AuditRow]) -> list[list[AuditRow]]:
    """Group minutes of one client and resource whose spans overlap.

    Workers do not begin a minute at the same moment: of two batches side by side in the log the
    second may be counted to the minute before.
    """
    groups: dict[tuple[str, str], list[list[AuditRow]]] = {}
    for row in rows:
        ranges = groups.setdefault((row.subject_id, row.actor_id), [])
        if ranges and _touches(ranges[-1], row):
            ranges[-1].append(row)
        else:
            ranges.append([row])
    return [group for each in groups.values() for group in each]


def _touches(group: Sequence[AuditRow], row: AuditRow) -> bool:
    return any(
        one[0] == other[0] and one[1] <= other[2]
        for one in row.details["spans"]
        for each in group
        for other in each.details["spans"]
    )


async def _compare_publishes(reader: Reader, group: Sequence[AuditRow]) -> Finding:
    evidence = PublishEvidence()
    for row in group:
        evidence.join(row.details)
    computed, [row, *_] = evidence.told(), group
    try:
        digests, records = await _in_the_log(
            reader, row.subject_id, row.actor_id, computed["spans"]
        )
    except PositionExpiredError:
        return _finding(row, Verdict.EXPIRED)
    except LogEndsError:
        return _finding(row, Verdict.DIFFERS)
    counted = sum(span[3] for span in computed["spans"])
    agrees = added(digests) == computed["digest"] and records == counted
    return _finding(row, Verdict.AGREES if agrees else Verdict.DIFFERS)


async def _in_the_log(
    reader: Reader, resource_id: str, client_id: str, spans: Sequence[Sequence[int]]
) -> tuple[list[bytes], int]:
    """Return the digests of the client's batches that begin in the spans, and their records."""
    digests, records = list[bytes](), 0
    for partition, first, last, _records in spans:
        stretches = _stretches(reader, topic_of(resource_id), partition, first, last + 1)
        async for chunk, start, end in stretches:
            for offset, headers in chunk.headers:
                if start <= offset < end and client_in(headers) == client_id:
                    digests.append(digest_in(headers))
                    records += count_in(headers)
    return digests, records


async def _stretches(
    reader: Reader, topic: str, partition: int, first: int, end: int
) -> AsyncIterator[tuple[Chunk, int, int]]:
    """Read a range chunk by chunk; raises PositionExpiredError, LogEndsError."""
    offset = first
    while offset < end:
        chunk = await reader.read(topic, partition, offset, FETCH_BYTES)
        if chunk.next_offset <= offset:
            raise LogEndsError
        until = min(end, chunk.next_offset)
        yield chunk, offset, until
        offset = until


def _finding(row: AuditRow, verdict: Verdict) -> Finding:
    return Finding(row.event, row.subject_id, row.actor_id, row.details["minute"], verdict)
