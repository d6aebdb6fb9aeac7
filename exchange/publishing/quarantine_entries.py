"""Records in quarantine, for the department that published them: list, resolve, forget."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth.delegations.states import Power
from auth.principal import Principal, Role, Scope
from catalog import versions
from exchange.events import ExchangeEvent
from exchange.publishing import quarantine_store as store
from exchange.publishing import receipts
from exchange.publishing.quarantine import Quarantine
from exchange.publishing.quarantine_store import EntryFilter
from exchange.publishing.tables import QuarantineBatch, QuarantineEntry
from kernel import audit
from kernel.actor import SYSTEM
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldError, NotFound
from kernel.paging import Page, PageRequest, encode

ROLES = (Role.CLERK, Role.HEAD)
# Bytes of records on one page, which is read in one go: a single record may have as many.
PAGE_BYTES_MAX = 1024 * 1024
# What one turn of the worker forgets at most.
FORGOTTEN_BATCHES, FORGOTTEN_ENTRIES = 200, 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A refused record as it was received, and why; at most 10 `errors` of `error_count`."""

    id: str
    receipt_id: str
    client_id: str
    op: str
    index: int
    record: bytes
    errors: Sequence[FieldError]
    error_count: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which records to list; None leaves a criterion out, `until` is exclusive."""

    receipt_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def page(
    session: WriteSession,
    principal: Principal,
    quarantine: Quarantine,
    resource_id: str,
    criteria: Criteria,
    request: PageRequest,
) -> Page[Entry]:
    """Return records, the oldest first; a page may end early for its size, with a cursor.

    Whoever reads values is in the audit (P8). Raises NotFound for outsiders, 403 errors.
    """
    await require_own(session, principal, resource_id, Scope.CATALOG_READ)
    batch_id = None
    if criteria.receipt_id is not None:
        batch_id = _batch_of(quarantine, resource_id, criteria.receipt_id)
        if batch_id is None:
            return Page((), None)
    entry_filter = EntryFilter(batch_id, criteria.since, criteria.until)
    rows, more = await store.page(session, resource_id, entry_filter, request, PAGE_BYTES_MAX)
    entries = [_entry(quarantine, *row) for row in rows]
    if entries:
        facts = {"records": len(entries), "first": entries[0].id, "last": entries[-1].id}
        event = ExchangeEvent.QUARANTINE_READ
        audit.record(session, principal.actor, event, "resource", resource_id, **facts)
    return Page(entries, encode(entries[-1].id) if more else None)


async def resolve(
    session: WriteSession,
    principal: Principal,
    quarantine: Quarantine,
    resource_id: str,
    *,
    entry_ids: Sequence[str] = (),
    receipt_id: str | None = None,
) -> int:
    """Remove records that were corrected or given up, and return how many were still there.

    They are named one by one, or all by the receipt of their batch. Raises NotFound for outsiders,
    403 errors.
    """
    await require_own(session, principal, resource_id, Scope.CATALOG_WRITE)
    resolved = await store.remove(session, resource_id, entry_ids) if entry_ids else 0
    if receipt_id is not None:
        batch_id = _batch_of(quarantine, resource_id, receipt_id)
        resolved += await store.remove_batch(session, resource_id, batch_id) if batch_id else 0
    if resolved:
        facts = {"records": resolved, "receipt": receipt_id, "entries": list(entry_ids)}
        event = ExchangeEvent.QUARANTINE_RESOLVED
        audit.record(session, principal.actor, event, "resource", resource_id, **facts)
    return resolved


async def remove(
    session: WriteSession,
    principal: Principal,
    quarantine: Quarantine,
    resource_id: str,
    entry_id: str,
) -> None:
    """Remove one record; NotFound where there is none."""
    resolved = await resolve(session, principal, quarantine, resource_id, entry_ids=[entry_id])
    if not resolved:
        raise NotFound


async def forget_old(session: WriteSession, now: datetime, *, days: int) -> int:
    """Forget what is older than `days`, and what was never shown; return how many batches."""
    before = now - timedelta(days=days)
    forgotten, freed = await store.forget(
        session, now, before, batches=FORGOTTEN_BATCHES, entries=FORGOTTEN_ENTRIES
    )
    for each in freed:
        facts = {"records": each.entries, "days": days}
        event = ExchangeEvent.QUARANTINE_FORGOTTEN
        audit.record(session, SYSTEM, event, "resource", each.resource_id, **facts)
    return forgotten


async def require_own(
    session: ReadSession, principal: Principal, resource_id: str, scope: Scope
) -> None:
    """Raise NotFound for outsiders; within the department clerks, heads and its publishers.

    Who acts for it by a delegation sees records by the power to publish alone (P3).
    """
    if await versions.department_of(session, resource_id) != principal.department:
        raise NotFound
    if principal.kind == "client":
        principal.require_scope(Scope.RECORDS_PUBLISH)
        return
    principal.require_scope(scope)
    principal.require_role(*ROLES)
    principal.require_power(Power.PUBLISH)


def _batch_of(quarantine: Quarantine, resource_id: str, receipt_id: str) -> str | None:
    """Return the batch of a receipt of this resource, None for any other text."""
    try:
        receipt, quarantined = receipts.opened(quarantine.receipt_key, receipt_id)
    except NotFound:
        return None
    return (
        quarantined.batch_id
        if quarantined is not None and receipt.resource_id == resource_id
        else None
    )


def _entry(quarantine: Quarantine, row: QuarantineEntry, batch: QuarantineBatch) -> Entry:
    record, errors, error_count = quarantine.opened(row.sealed)
    return Entry(
        row.id,
        batch.receipt_id or "",
        batch.client_id,
        batch.op,
        row.index,
        record,
        errors,
        error_count,
        batch.received_at,
    )
