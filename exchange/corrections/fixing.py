"""Fixing a correction: the receipt that holds the right record, and the marks of it (P13)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from auth.principal import Principal
from exchange import store as moving
from exchange.corrections import granted_terms
from exchange.corrections.key_search import KeyRecord, KeySearch, SoughtKey
from exchange.corrections.marking import Marking, under
from exchange.corrections.moves import begin, carry, require_may, target
from exchange.corrections.states import FIXES, Action
from exchange.corrections.tables import Correction
from exchange.delivery import correction_marks
from exchange.events import ExchangeEvent
from exchange.log.errors import PositionExpiredError
from exchange.log.topics import topic_of
from exchange.metering.evidence.delivered import FLUSHED
from exchange.publishing import receipts
from exchange.publishing.receipts import Receipt
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.actor import SYSTEM
from kernel.database import Database, WriteSession
from kernel.errors import Conflict, FieldErrors, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the right record lies, and who received the wrong value; None is found out later."""

    revision: int
    receipt_id: str
    record: KeyRecord
    affected: frozenset[str] | None


async def find(  # noqa: PLR0913 - what it is looked for with
    database: Database,
    search: KeySearch,
    marking: Marking,
    receipt_key: bytes,
    principal: Principal,
    correction_id: str,
    receipt_id: str,
    *,
    seconds: float | None,
) -> Fix:
    """Look for the fix in the log, outside any database session.

    Raises NotFound, 403 errors, IllegalTransition, Invalid (`fix_not_found`).
    """
    async with database.reading() as session:
        row = await moving.get(session, Correction, correction_id)
        require_may(principal, row, Action.FIX)
        target(row, Action.FIX)
        granted = await granted_terms.load(
            session, marking.box, row.resource_id, [row.subscription_id]
        )
    receipt = _receipt(receipt_key, receipt_id, row.resource_id)
    sought = SoughtKey(row.key, granted.of(under(row)), row.record_key)
    record = await _record(search, row, receipt, sought)
    revision = row.revision
    await marking.ask_workers()
    fixed = _at(row, record)
    return Fix(revision, receipt_id, record, await marking.affected(fixed, seconds=seconds))


def _at(row: Correction, record: KeyRecord) -> Correction:
    """Return the correction as it will be with its fix; what was read is not touched."""
    fix = {"fix_partition": record.partition, "fix_place": record.offset, "record_key": record.key}
    return Correction(**(row.model_dump() | fix))


def _receipt(key: bytes, receipt_id: str, resource_id: str) -> Receipt:
    try:
        receipt = receipts.read(key, receipt_id)
    except NotFound:
        raise _not_found() from None
    if receipt.resource_id != resource_id:
        raise _not_found()
    return receipt


async def _record(
    search: KeySearch, row: Correction, receipt: Receipt, sought: SoughtKey
) -> KeyRecord:
    """Return the last record of the key that the receipt holds; a delete counts."""
    topic, records = topic_of(row.resource_id), list[KeyRecord]()
    for run in receipt.positions:
        if row.partition in (None, run.partition):
            where = (topic, run.partition, sought, run.first_offset, run.last_offset + 1)
            try:
                records += await search.within(*where)
            except PositionExpiredError:
                continue
    later = [each for each in records if row.partition is None or each.offset > row.after_place]
    if not later:
        raise _not_found()
    return later[-1]


def _not_found() -> Exception:
    errors = FieldErrors()
    errors.add(
        "receipt_id",
        "fix_not_found",
        "该回执不含被校核主键的更正记录，或早于被校核的记录",
        "this receipt holds no record of the key that is later than the disputed one",
    )
    return Invalid(errors=errors.found)


async def fix(
    session: WriteSession, principal: Principal, correction_id: str, found: Fix, *, now: datetime
) -> Correction:
    """Record the fix and mark it; C7 ends. Raises Conflict where somebody else was faster."""
    row = await begin(session, principal, correction_id, Action.FIX)
    if row.revision != found.revision:
        raise Conflict
    record = found.record
    changes = {
        "receipt_id": found.receipt_id,
        "fixed_by": principal.id,
        "fixed_at": now,
        "record_key": record.key,
        "fix_partition": record.partition,
        "fix_place": record.offset,
        "settle_at": now if found.affected is None else now + FLUSHED,
    }
    facts = {"receipt_id": found.receipt_id}
    updated = await carry(session, principal.actor, row, Action.FIX, changes, now=now, **facts)
    await mark(session, updated, found.affected or ())
    return updated


async def mark(session: WriteSession, row: Correction, affected: Collection[str]) -> None:
    """Mark the fix for these subscriptions, and tell their departments, once."""
    if row.status not in FIXES or row.fix_partition is None or row.fix_place is None:
        return
    added = await correction_marks.add(
        session, row.id, row.subscription_id, affected, row.fix_partition, row.fix_place
    )
    if added:
        event, count = ExchangeEvent.CORRECTION_MARKED, len(added)
        audit.record(session, SYSTEM, event, "correction", row.id, subscriptions=count)
    for subscription in await moving.several(session, Subscription, sorted(added)):
        told = {
            "id": row.id,
            "subscription_id": subscription.id,
            "resource_id": row.resource_id,
            "consumer_department": subscription.consumer_department,
        }
        outbox.add(session, ExchangeEvent.CORRECTION_MARKED, row.id, told)
