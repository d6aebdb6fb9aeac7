"""Receipts: signed facts of the log that locate themselves (ADR 0005); pure."""

from uuid import UUID

import msgspec

from kernel.errors import NotFound
from kernel.sealed import seal, unseal

PURPOSE = b"receipt"
RESOURCE_BYTES = 16


class Position(msgspec.Struct, frozen=True, gc=False):
    """A contiguous run of records in one partition; offsets are inclusive."""

    partition: int
    first_offset: int
    last_offset: int


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """What the log took: by which version of the contract, and where."""

    version: int
    positions: list[Position]

    def text(self) -> str:
        return msgspec.json.encode(self).decode()


def accepted(text: str) -> Accepted:
    return msgspec.json.decode(text, type=Accepted)


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """Proof of what was accepted at which position; `digest` is SHA-256 of the body."""

    receipt_id: str
    resource_id: str
    version: int
    accepted: int
    positions: list[Position]
    digest: str
    rejected: int = 0
    errors: list[object] = []


def issue(key: bytes, *, resource_id: str, taken: Accepted, digest: bytes) -> Receipt:
    """Return the receipt; its id holds all of it, under a MAC."""
    runs = [(p.partition, p.first_offset, p.last_offset) for p in taken.positions]
    facts = (bytes.fromhex(resource_id), taken.version, digest, runs)
    receipt_id = seal(key, msgspec.msgpack.encode(facts), PURPOSE)
    return _receipt(receipt_id, resource_id, digest, taken)


def read(key: bytes, receipt_id: str) -> Receipt:
    """Return what a receipt id says; NotFound unless it was issued here."""
    packed = unseal(key, receipt_id, PURPOSE)
    if packed is None:
        raise NotFound
    resource, version, digest, runs = msgspec.msgpack.decode(packed)
    positions = [Position(*run) for run in runs]
    return _receipt(receipt_id, UUID(bytes=resource).hex, digest, Accepted(version, positions))


def _receipt(receipt_id: str, resource_id: str, digest: bytes, taken: Accepted) -> Receipt:
    count = sum(p.last_offset - p.first_offset + 1 for p in taken.positions)
    return Receipt(receipt_id, resource_id, taken.version, count, taken.positions, digest.hex())
