"""Headers of a record in the log, for anybody's Kafka tools (docs/topics.md).

The first record of every accepted batch carries them; the others need none, because a batch is
contiguous in its partition. A record's key is the contract's primary key, its value the
provider's own bytes, and a delete is an empty value.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

VERSION = "exchange-version"
COUNT = "exchange-count"
DIGEST = "exchange-digest"
CLIENT = "exchange-client"
INTENT = "exchange-intent"
CORRELATION = "exchange-correlation-id"
QUARANTINE = "exchange-quarantine"

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


def versions_in(headers: Iterable[tuple[str, bytes | None]]) -> list[int]:
    """Return the contract version that a first record's headers name."""
    return [int(value) for name, value in headers if name == VERSION and value]
