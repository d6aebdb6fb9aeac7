"""Receipts: signed facts of the log that locate themselves (ADR 0005); pure."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from exchange.log.accepted import Accepted, Kept, PositionRange
from kernel.errors import FieldError, NotFound
from kernel.sealed import seal, unseal

PURPOSE = b"receipt"
RESOURCE_BYTES = 16


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """Proof of what was accepted at which position; `digest` is SHA-256 of the body."""

    receipt_id: str
    resource_id: str
    version: int
    accepted: int
    positions: list[PositionRange]
    digest: str
    rejected: int = 0
    errors: Sequence[FieldError] = []
    error_count: int = 0


def issue(key: bytes, *, resource_id: str, taken: Accepted, digest: bytes) -> Receipt:
    """Return the receipt; its id holds all of it, under a MAC."""
    runs = [(p.partition, p.first_offset, p.last_offset) for p in taken.positions]
    facts: tuple[object, ...] = (bytes.fromhex(resource_id), taken.version, digest, runs)
    if taken.kept is not None:
        kept = taken.kept
        facts = (*facts, (bytes.fromhex(kept.batch_id), kept.rejected, kept.error_count))
    receipt_id = seal(key, msgspec.msgpack.encode(facts), PURPOSE)
    return _receipt(receipt_id, resource_id, digest, taken)


def read(key: bytes, receipt_id: str) -> Receipt:
    """Return what a receipt id says, errors aside; NotFound unless it was issued here."""
    return opened(key, receipt_id)[0]


def opened(key: bytes, receipt_id: str) -> tuple[Receipt, Kept | None]:
    """Return what a receipt id says, and what the publish left in quarantine; NotFound."""
    opened_ = unseal(key, receipt_id, PURPOSE)
    if opened_ is None:
        raise NotFound
    packed, _versioned = opened_
    resource, version, digest, runs, *rest = msgspec.msgpack.decode(packed)
    positions = [PositionRange(*run) for run in runs]
    kept = Kept(rest[0][0].hex(), *rest[0][1:]) if rest else None
    taken = Accepted(version, positions, kept)
    return _receipt(receipt_id, resource.hex(), digest, taken), kept


def _receipt(receipt_id: str, resource_id: str, digest: bytes, taken: Accepted) -> Receipt:
    count = sum(p.last_offset - p.first_offset + 1 for p in taken.positions)
    receipt = Receipt(receipt_id, resource_id, taken.version, count, taken.positions, digest.hex())
    if taken.kept is None:
        return receipt
    kept = taken.kept
    return replace(receipt, rejected=kept.rejected, error_count=kept.error_count)
