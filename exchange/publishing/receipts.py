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


def issue(key: bytes, *, resource_id: str, accepted: Accepted, digest: bytes) -> Receipt:
    """Return the receipt; its id holds all of it, under a MAC."""
    runs = [(p.partition, p.first_offset, p.last_offset) for p in accepted.positions]
    facts: tuple[object, ...] = (bytes.fromhex(resource_id), accepted.version, digest, runs)
    if accepted.kept is not None:
        quarantined = accepted.kept
        facts = (
            *facts,
            (bytes.fromhex(quarantined.batch_id), quarantined.rejected, quarantined.error_count),
        )
    receipt_id = seal(key, msgspec.msgpack.encode(facts), PURPOSE)
    return _receipt(receipt_id, resource_id, digest, accepted)


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
    quarantined = Kept(rest[0][0].hex(), *rest[0][1:]) if rest else None
    accepted = Accepted(version, positions, quarantined)
    return _receipt(receipt_id, resource.hex(), digest, accepted), quarantined


def _receipt(receipt_id: str, resource_id: str, digest: bytes, accepted: Accepted) -> Receipt:
    count = sum(p.last_offset - p.first_offset + 1 for p in accepted.positions)
    receipt = Receipt(
        receipt_id, resource_id, accepted.version, count, accepted.positions, digest.hex()
    )
    if accepted.kept is None:
        return receipt
    quarantined = accepted.kept
    return replace(receipt, rejected=quarantined.rejected, error_count=quarantined.error_count)
