"""The provider's own latest state: what the last record of each of its keys is (P3).

Who runs the platform is told where a record lies, and nothing of its values (P8).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlmodel import col, select

from auth.duties import administers
from auth.errors import NotYourDepartment
from auth.principal import Principal, Role, Scope
from catalog import versions
from exchange.events import ExchangeEvent
from exchange.latest import reading
from exchange.latest import store as folds
from exchange.latest.asking import asking
from exchange.latest.reading import BEGINNING, FoldState, LatestRecord, Place
from exchange.log.accepted import Accepted, accepted
from exchange.log.batches import NO_DIGEST, OFFSET_BYTES
from exchange.log.partitions import partition_of
from exchange.publishing import receipts
from exchange.publishing.quarantine_entries import require_own
from exchange.publishing.tables import IssuedReceipt
from kernel import audit, clock
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import InvalidCursor, NotFound
from kernel.paging import PageRequest, encode

# Publishes of one body that a record's receipt is looked for among.
RECEIPTS_MAX: Final = 2_000


class OwnRecord(NamedTuple):
    """`receipt_id` is None where the receipt is not listed any more, or was never known."""

    key: str
    value: bytes
    version: int
    receipt_id: str | None
    published_at: datetime | None


class RecordPlace(NamedTuple):
    """Where the last record of a key lies in the log; `digest` is of the body it came in, in hex.

    `digest` is empty, `receipt_id` and `published_at` are None where they are not known any more.
    """

    partition: int
    offset: int
    version: int
    size_bytes: int
    digest: str
    receipt_id: str | None
    published_at: datetime | None
    as_of: datetime


class OwnPage(NamedTuple):
    items: Sequence[OwnRecord]
    next_cursor: str | None
    as_of: datetime


class OwnRecords:
    """Reads the latest state for the department that provides it."""

    def __init__(self, database: Database, receipt_key: Callable[[], bytes]) -> None:
        self._database = database
        self._receipt_key = receipt_key

    async def page(self, principal: Principal, resource_id: str, request: PageRequest) -> OwnPage:
        """Return records in an order that no change disturbs.

        Raises 403 errors, NotFound, InvalidCursor and StateIncomplete.
        """
        after = BEGINNING if request.after is None else _place(request.after)
        async with asking(self._database), self._database.transaction() as session:
            states = await self._states(session, principal, resource_id)
            as_of = reading.require_complete(resource_id, states)
            rows = await reading.page(session, states, after, request.limit)
            # Fewer than asked for may be a page full of bytes: only an empty one is the end.
            last = rows[-1] if rows else None
            more = last is not None and bool(
                await reading.page(session, states, Place(last.partition, last.digest), 1)
            )
            cursor = encode(f"{last.partition} {last.digest.hex()}") if last and more else None
            items = await self._told(session, principal, resource_id, rows)
        return OwnPage(items, cursor, as_of)

    async def one(
        self, principal: Principal, resource_id: str, key: str
    ) -> tuple[OwnRecord, datetime]:
        """Return the last record of a key, and up to when the log was folded.

        Raises 403 errors, NotFound and StateIncomplete.
        """
        raw = key.encode()
        async with asking(self._database), self._database.transaction() as session:
            states = await self._states(session, principal, resource_id)
            as_of = reading.require_complete(resource_id, states)
            row = await reading.one(session, states[partition_of(raw, len(states))], raw)
            if row is None:
                raise NotFound
            return (await self._told(session, principal, resource_id, [row]))[0], as_of

    async def place(self, principal: Principal, resource_id: str, key: str) -> RecordPlace | None:
        """Return where the last record of a key lies, None where there is none; for operators.

        Raises RoleRequired, NotFound, NotYourDepartment and StateIncomplete. That somebody looked
        is in the audit, found or not; the key is not.
        """
        raw = key.encode()
        async with asking(self._database), self._database.transaction() as session:
            await _require_operated(session, principal, resource_id)
            await folds.keep(session, resource_id, clock.now())
            states = await reading.states(session, resource_id)
            as_of = reading.require_complete(resource_id, states)
            row = await reading.one(session, states[partition_of(raw, len(states))], raw)
            facts = {"partition": row.partition, "offset": row.place} if row else {}
            event = ExchangeEvent.RECORD_LOCATED
            audit.record(session, principal.actor, event, "resource", resource_id, **facts)
            if row is None:
                return None
            known = self._record(row, resource_id, await _issued(session, resource_id, [row]))
            return _place_of(row, known, as_of)

    async def _states(
        self, session: WriteSession, principal: Principal, resource_id: str
    ) -> Sequence[FoldState]:
        await require_own(session, principal, resource_id, Scope.CATALOG_READ)
        await folds.keep(session, resource_id, clock.now())
        return await reading.states(session, resource_id)

    async def _told(
        self,
        session: WriteSession,
        principal: Principal,
        resource_id: str,
        rows: Sequence[LatestRecord],
    ) -> list[OwnRecord]:
        """Put receipts beside records, and leave a trace of the reading; keys are in none."""
        issued = await _issued(session, resource_id, rows)
        facts = {"records": len(rows)}
        actor, event = principal.actor, ExchangeEvent.LATEST_READ
        audit.record(session, actor, event, "resource", resource_id, **facts)
        return [self._record(row, resource_id, issued) for row in rows]

    def _record(
        self,
        row: LatestRecord,
        resource_id: str,
        issued: Mapping[bytes, Sequence[tuple[IssuedReceipt, Accepted]]],
    ) -> OwnRecord:
        key = row.key.decode()
        for receipt, stored in issued.get(_digest(row), ()):
            if _holds(stored, row):
                receipt_id = receipts.issue(
                    self._receipt_key(),
                    resource_id=resource_id,
                    accepted=stored,
                    digest=receipt.digest,
                ).receipt_id
                return OwnRecord(key, row.value, row.version, receipt_id, receipt.at)
        return OwnRecord(key, row.value, row.version, None, None)


async def _require_operated(session: ReadSession, principal: Principal, resource_id: str) -> None:
    """Raise unless an operator of the resource's division or one above asks."""
    principal.require_scope(Scope.ADMIN)
    principal.require_role(Role.OPERATOR)
    resource = (await versions.shown(session, principal, resource_id)).resource
    if not administers(principal.region_code, resource.region_code):
        raise NotYourDepartment


def _place_of(row: LatestRecord, known: OwnRecord, as_of: datetime) -> RecordPlace:
    digest = _digest(row)
    return RecordPlace(
        partition=row.partition,
        offset=row.place,
        version=row.version,
        size_bytes=len(row.value),
        digest="" if digest == NO_DIGEST else digest.hex(),
        receipt_id=known.receipt_id,
        published_at=known.published_at,
        as_of=as_of,
    )


async def _issued(
    session: WriteSession, resource_id: str, rows: Sequence[LatestRecord]
) -> dict[bytes, list[tuple[IssuedReceipt, Accepted]]]:
    """Return the listed receipts of the bodies that records came in, by the body's digest."""
    digests = {_digest(row) for row in rows} - {NO_DIGEST, b""}
    found: dict[bytes, list[tuple[IssuedReceipt, Accepted]]] = {}
    if not digests:
        return found
    query = (
        select(IssuedReceipt)
        .where(col(IssuedReceipt.digest).in_(digests), IssuedReceipt.resource_id == resource_id)
        .limit(RECEIPTS_MAX)
    )
    for receipt in await session.exec(query):
        found.setdefault(receipt.digest, []).append((receipt, accepted(receipt.accepted)))
    return found


def _digest(row: LatestRecord) -> bytes:
    return (row.batch or b"")[OFFSET_BYTES:]


def _holds(stored: Accepted, row: LatestRecord) -> bool:
    return any(
        run.partition == row.partition and run.first_offset <= row.place <= run.last_offset
        for run in stored.positions
    )


def _place(after: str) -> Place:
    """Return where a page begins; raises InvalidCursor."""
    partition, _, digest = after.partition(" ")
    try:
        place = Place(int(partition), bytes.fromhex(digest))
    except ValueError as error:
        raise InvalidCursor from error
    if not 0 <= place.partition < 1_000_000:  # noqa: PLR2004 - what a column holds
        raise InvalidCursor
    return place
