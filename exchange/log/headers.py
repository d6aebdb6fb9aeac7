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

NUMBER_DIGITS = 10
HEX_DIGITS = 64

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


Read = Iterable[tuple[str, bytes | None]]
"""A record's headers as they are in the log: anybody may have written them."""


def keyed_batch(headers: Read) -> KeyedBatch | None:
    """Return what a first record's headers say, None where no keyed batch begins."""
    values = dict(headers)
    intent = hexed(values.get(INTENT))
    version, count = number(values.get(VERSION)), number(values.get(COUNT))
    if intent is None or version is None or count is None:
        return None
    quarantine = values.get(QUARANTINE)
    return KeyedBatch(intent, version, count, None if quarantine is None else text(quarantine))


def begun_batch(headers: Read) -> tuple[int, int] | None:
    """Return contract version and records of the batch that begins here, None where none does.

    Headers that nobody can read begin no batch: the platform has not written them.
    """
    version = count = None
    for name, value in headers:
        if name == VERSION:
            version = number(value)
        elif name == COUNT:
            count = number(value)
    return None if version is None or count is None else (version, count)


def number(value: bytes | None) -> int | None:
    """Return a positive number of 32 bits that a header holds, None where it holds none."""
    if value is None or not value.isdigit() or len(value) > NUMBER_DIGITS:
        return None
    return int(value) or None


def hexed(value: bytes | None) -> bytes | None:
    """Return the bytes that a header holds in hex, None where it holds something else."""
    if value is None or len(value) > HEX_DIGITS or not value.isalnum():
        return None
    try:
        return bytes.fromhex(value.decode("ascii"))
    except ValueError:
        return None


def text(value: bytes | None) -> str:
    """Return a header's text; what is not UTF-8 shows as replacement characters."""
    return (value or b"").decode(errors="replace")
