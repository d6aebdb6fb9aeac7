"""Headers of a record in the log, for anybody's Kafka tools (docs/topics.md).

The first record of every accepted batch carries them; the others need none, because a batch is
contiguous in its partition. A record's key is the contract's primary key, its value the
provider's own bytes, and a delete is an empty value.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

VERSION = "exchange-version"
COUNT = "exchange-count"
DIGEST = "exchange-digest"
CLIENT = "exchange-client"
INTENT = "exchange-intent"
CORRELATION = "exchange-correlation-id"
QUARANTINE = "exchange-quarantine"

NO_DIGEST = bytes(32)
MARK_BYTES = 8 + len(NO_DIGEST)

Headers = list[tuple[str, bytes]]


class BatchFacts(msgspec.Struct, frozen=True, gc=False):
    """What the log itself says about one accepted batch.

    `intent` names its Idempotency-Key, `quarantine` the records that were left out of it.
    """

    version: int
    count: int
    digest: bytes
    client_id: str
    correlation_id: str
    intent: bytes | None = None
    quarantine: str | None = None

    def headers(self) -> Headers:
        headers = [
            (VERSION, str(self.version).encode()),
            (COUNT, str(self.count).encode()),
            (DIGEST, self.digest.hex().encode()),
            (CLIENT, self.client_id.encode()),
            (CORRELATION, self.correlation_id.encode()),
        ]
        if self.intent is not None:
            headers.append((INTENT, self.intent.hex().encode()))
        if self.quarantine is not None:
            headers.append((QUARANTINE, self.quarantine.encode()))
        return headers


@dataclass(frozen=True, slots=True)
class KeyedBatch:
    """A batch in the log that was published with an Idempotency-Key."""

    intent: bytes
    version: int
    count: int
    quarantine: str | None = None


def keyed_batch(headers: Iterable[tuple[str, bytes | None]]) -> KeyedBatch | None:
    """Return what a first record's headers say, None where no keyed batch begins."""
    found = {name: (value or b"").decode() for name, value in headers}
    if INTENT not in found:
        return None
    intent, version, count = bytes.fromhex(found[INTENT]), int(found[VERSION]), int(found[COUNT])
    return KeyedBatch(intent, version, count, found.get(QUARANTINE))


class Batches:
    """Where batches begin and their digests, packed: 8 bytes of offset, 32 of SHA-256 a batch."""

    __slots__ = ("_marks", "_starts")

    def __init__(self, headers: Iterable[tuple[int, Sequence[tuple[str, bytes | None]]]]) -> None:
        found = [(offset, digest_in(each)) for offset, each in headers]
        self._starts = [offset for offset, _digest in found]
        self._marks = b"".join([offset.to_bytes(8) + digest for offset, digest in found])

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return the marks of the batches that begin in a range, `whole`: of all it touches."""
        starts = self._starts
        low, high = bisect_left(starts, first), bisect_left(starts, end)
        if whole and low and (low == len(starts) or starts[low] != first):
            low -= 1
        return self._marks[low * MARK_BYTES : high * MARK_BYTES]


def digest_in(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Return the digest that a first record's headers name, zeros where they name none."""
    value = next((value for name, value in headers if name == DIGEST), None)
    return bytes.fromhex(value.decode()) if value else NO_DIGEST


def client_in(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Return the client that a first record's headers name."""
    return next(((value or b"").decode() for name, value in headers if name == CLIENT), "")


def versions_in(headers: Iterable[tuple[str, bytes | None]]) -> list[int]:
    """Return the contract version that a first record's headers name."""
    return [int(value) for name, value in headers if name == VERSION and value]
