"""Quarantine: what becomes of the invalid records of a publish that may leave them out (P2).

They are written before the valid ones are appended, unseen, and shown once the receipt is known;
the append names their batch in the log (ADR 0014). So what an answer lists is always there, and
what a failed append left behind is never seen.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Final

import msgspec

from auth.principal import Principal
from catalog.contracts.checked import Checked, Rejected
from exchange.events import ExchangeEvent
from exchange.log.accepted import Kept
from exchange.log.errors import OutcomeUnknown
from exchange.publishing import quarantine_store as store
from exchange.publishing.errors import QuarantineFull
from exchange.publishing.quarantine_store import SealedEntry
from exchange.publishing.receipts import Receipt
from exchange.publishing.tables import QuarantineBatch, QuarantineEntry
from kernel import audit, clock, encrypted
from kernel.database import Database, ReadSession, is_passing
from kernel.errors import REPORTED_ERRORS_MAX, FieldError
from kernel.ids import new_id
from kernel.secretbox import Secretbox
from kernel.turns import FairScheduler, Steps

# Errors kept for one record: enough to correct it, and no way to make much out of little.
ERRORS_KEPT_MAX = 10
# How long an append without an answer may be settled: by its key as long as intents are kept.
KEYED_PENDING = timedelta(days=8)
PENDING = timedelta(hours=1)

log = logging.getLogger(__name__)

ENCRYPTED: Final = encrypted.of(QuarantineBatch, QuarantineEntry)

EncodedError = tuple[str, str, str, str, int | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one resource may have in quarantine: records, and their bytes as received."""

    entries: int
    bytes_: int


class Content(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a refused record, before encryption."""

    record: bytes
    errors: list[EncodedError]
    error_count: int


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE_CONTENT = msgspec.msgpack.Decoder(Content).decode
_DECODE_ERRORS = msgspec.msgpack.Decoder(list[EncodedError]).decode


class Quarantine:
    def __init__(
        self, database: Database, box: Secretbox, limits: Limits, turns: FairScheduler
    ) -> None:
        self._database = database
        self._box = box
        self._limits = limits
        self._turns = turns

    @cached_property
    def receipt_key(self) -> bytes:
        return self._box.derive("receipts")

    async def hold(
        self, principal: Principal, resource_id: str, op: str, checked: Checked, *, keyed: bool
    ) -> Kept:
        """Write the refused records, unseen; raises QuarantineFull.

        Whoever calls it appends the others, then shows these or withdraws them.
        """
        quarantined = Kept(new_id(), len(checked.rejected), checked.error_count)
        sealing = self._seal(quarantined.batch_id, checked.rejected)
        entries = await self._turns.finish(sealing, principal.id)
        listed = list(islice(checked.errors(), REPORTED_ERRORS_MAX))
        now = clock.now()
        batch = QuarantineBatch(
            id=quarantined.batch_id,
            resource_id=resource_id,
            client_id=principal.id,
            department=principal.department,
            op=op,
            rejected=quarantined.rejected,
            error_count=quarantined.error_count,
            errors=self._box.encrypt(_ENCODE(list(map(_encoded, listed)))),
            received_at=now,
            pending_until=now + (KEYED_PENDING if keyed else PENDING),
        )
        size = sum(entry.size for entry in entries)
        most = (self._limits.entries, self._limits.bytes_)
        async with self._database.transaction() as session:
            if not await store.take_room(session, resource_id, len(entries), size, most):
                raise QuarantineFull(*most, listed, quarantined.error_count)
            await store.add(session, batch, entries)
        return quarantined

    def _seal(self, batch_id: str, rejected: Sequence[Rejected]) -> Steps[list[SealedEntry]]:
        sealed = []
        for each in rejected:
            entry_id = f"{batch_id}-{each.index:05d}"
            sealed.append(SealedEntry(entry_id, each.index, self._sealed(each), len(each.line)))
            yield
        return sealed

    def _sealed(self, rejected: Rejected) -> bytes:
        errors = list(map(_encoded, rejected.errors[:ERRORS_KEPT_MAX]))
        content = Content(rejected.line, errors, rejected.error_count)
        return self._box.encrypt(_ENCODE(content))

    async def withdraw(self, quarantined: Kept) -> None:
        """Forget what stands for nothing; when that fails it is forgotten in its time."""
        try:
            async with self._database.transaction() as session:
                await store.withdraw(session, quarantined.batch_id)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("quarantine batch %s left to its end: %r", quarantined.batch_id, error)

    async def shown(self, principal: Principal, receipt: Receipt, quarantined: Kept) -> Receipt:
        """Let the department see the records, and return the receipt with their errors.

        Raises OutcomeUnknown when the database is away: the same key settles it.
        """
        try:
            async with self._database.transaction() as session:
                if await store.show(session, quarantined.batch_id, receipt.receipt_id):
                    audit.record(
                        session,
                        principal.actor,
                        ExchangeEvent.QUARANTINE_KEPT,
                        "resource",
                        receipt.resource_id,
                        batch=quarantined.batch_id,
                        accepted=receipt.accepted,
                        rejected=quarantined.rejected,
                        errors=quarantined.error_count,
                    )
                return await self.with_errors(session, receipt, quarantined)
        except Exception as error:
            if is_passing(error):
                raise OutcomeUnknown from error
            raise

    async def with_errors(
        self, session: ReadSession, receipt: Receipt, quarantined: Kept
    ) -> Receipt:
        """Return the receipt with its errors, as long as they are kept (`quarantine_days`)."""
        batch = await store.find(session, quarantined.batch_id)
        errors = [] if batch is None else _DECODE_ERRORS(self._box.decrypt(batch.errors))
        return msgspec.structs.replace(receipt, errors=[FieldError(*error) for error in errors])

    def opened(self, sealed: bytes) -> tuple[bytes, list[FieldError], int]:
        """Return a kept record as it was received, its first errors and how many there were."""
        content = _DECODE_CONTENT(self._box.decrypt(sealed))
        return content.record, [FieldError(*error) for error in content.errors], content.error_count


def _encoded(error: FieldError) -> EncodedError:
    return error.path, error.code, error.zh, error.en, error.index
