"""Evidence of what was published and read in a minute, for an auditor with the log (ADR 0013).

One gateway worker gathers it beside its counts; the audit seals that of all workers. A digest can
be computed again from the ranges beside it and the log (exchange/evidence_comparison.py).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from exchange.log.accepted import PositionRange
from exchange.log.chunks import Chunk
from exchange.metering.evidence.intervals import UNLISTED, Cover

# A client that jumps about has no more ranges listed than these for one minute, worker and
# partition; its digest holds all of them.
RANGES_MAX = 32
# What is not listed is kept apart, as a set: which corrections are to be marked depends on it.
UNLISTED_MAX = 1_000
SUM_BITS = 256


class Marked(Protocol):
    """Records of a partition that know the batches which they are of, such as a chunk."""

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return offset and digest of the batches that begin within, `whole`: of all it touches."""


class Take(NamedTuple):
    """Offsets of one chunk that were looked at for a page, `end` exclusive."""

    partition: int
    chunk: Chunk
    first: int
    end: int


class RowTake(NamedTuple):
    """One record that was answered from the latest state, by its offset."""

    partition: int
    chunk: Marked
    first: int
    end: int


class Delivered(NamedTuple):
    """A page that left; it shows `takes` under a revision of the grant and of the resource.

    `reserved` says that its records are in the day's use already.
    """

    subscription_id: str
    revision: int
    version: int
    records: int
    size_bytes: int
    takes: Sequence[Take | RowTake]
    reserved: bool = False


class RangeDigest:
    """SHA-256 over ranges of one partition in the order of delivery, and over what they hold.

    For each range: its first offset, offset and digest of each batch that it touches, its end; a
    range that goes on where the last one ended is the same range, wherever pages were cut.
    """

    def __init__(self, subscription_id: str, revision: int, version: int, partition: int) -> None:
        head = f"{subscription_id}\n{revision}\n{version}\n{partition}\n"
        self._hash = hashlib.sha256(head.encode())
        self._end: int | None = None

    def add(self, chunk: Marked, first: int, end: int) -> bool:
        """Take in a stretch of a chunk; whether it begins a range."""
        new = first != self._end
        if new:
            self._close(self._hash)
            self._hash.update(first.to_bytes(8))
        self._hash.update(chunk.marks(first, end, whole=new))
        self._end = end
        return new

    def _close(self, into: Any) -> None:  # noqa: ANN401 - hashlib has no type for it
        if self._end is not None:
            into.update(self._end.to_bytes(8))

    def hexdigest(self) -> str:
        whole = self._hash.copy()
        self._close(whole)
        return whole.hexdigest()


class Trail:
    """What one worker delivered of one partition under one revision: ranges and their digest."""

    __slots__ = ("_digest", "_unlisted", "left_out", "ranges")

    def __init__(self, digest: RangeDigest) -> None:
        self._digest = digest
        self._unlisted: Cover | None = None
        self.ranges: list[list[int]] = []
        self.left_out = 0

    def add(self, take: Take | RowTake) -> None:
        new = self._digest.add(take.chunk, take.first, take.end)
        if not new and not self.left_out:
            self.ranges[-1][1] = take.end - 1
        elif new and len(self.ranges) < RANGES_MAX:
            self.ranges.append([take.first, take.end - 1])
        elif new:
            self.left_out += 1
        if self.left_out and take.end > take.first:
            self._unlisted = self._unlisted or Cover(UNLISTED_MAX)
            self._unlisted.add(take.first, take.end - 1)

    def told(self) -> dict[str, object]:
        digest = self._digest.hexdigest()
        told = {"ranges": self.ranges, "left_out": self.left_out, "digest": digest}
        return told | ({UNLISTED: self._unlisted.intervals()} if self._unlisted else {})


class ReadEvidence:
    """What one worker delivered to one client through one subscription in one minute."""

    def __init__(self, subscription_id: str) -> None:
        self._subscription_id = subscription_id
        self._trails: dict[tuple[int, int, int], Trail] = {}

    def add(self, page: Delivered) -> None:
        for take in page.takes:
            key = (page.revision, page.version, take.partition)
            trail = self._trails.get(key)
            if trail is None:
                trail = self._trails[key] = Trail(RangeDigest(self._subscription_id, *key))
            trail.add(take)

    def told(self) -> list[dict[str, object]]:
        return [
            {"revision": revision, "version": version, "partition": partition, **trail.told()}
            for (revision, version, partition), trail in self._trails.items()
        ]


@dataclass(slots=True)
class Span:
    """Where the batches of one client lie in a partition, among those of others perhaps."""

    first: int
    last: int
    records: int

    def add(self, first: int, last: int, records: int) -> None:
        self.first, self.last = min(self.first, first), max(self.last, last)
        self.records += records


class PublishEvidence:
    """What one worker stored of one client in one resource in one minute.

    The digests of the batches are added up, once for each partition that a batch reached: workers
    share partitions, and a sum knows no order.
    """

    def __init__(self) -> None:
        self._sum = 0
        self._spans: dict[int, Span] = {}

    def add(self, positions: Sequence[PositionRange], digest: bytes) -> None:
        self._sum += int.from_bytes(digest) * len(positions)
        for position in positions:
            records = position.last_offset - position.first_offset + 1
            self._extend(position.partition, position.first_offset, position.last_offset, records)

    def _extend(self, partition: int, first: int, last: int, records: int) -> None:
        span = self._spans.get(partition)
        if span is None:
            self._spans[partition] = Span(first, last, records)
        else:
            span.add(first, last, records)

    def join(self, evidence: Mapping[str, Any]) -> None:
        """Take in what another worker told, or what was sealed for another minute."""
        self._sum += int(evidence["digest"], 16)
        for partition, first, last, records in evidence["spans"]:
            self._extend(partition, first, last, records)

    def told(self) -> dict[str, Any]:
        spans = [
            [partition, span.first, span.last, span.records]
            for partition, span in sorted(self._spans.items())
        ]
        return {"digest": _hex(self._sum), "spans": spans}


def added(digests: Iterable[bytes]) -> str:
    """Return the sum of digests as evidence writes it."""
    return _hex(sum(int.from_bytes(digest) for digest in digests))


def _hex(total: int) -> str:
    return f"{total % (1 << SUM_BITS):064x}"


def sealed_publishes(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence of all workers as one: `digest` and `spans`."""
    joined = PublishEvidence()
    for minute_evidence in evidence.values():
        joined.join(minute_evidence)
    return joined.told()


def sealed_reads(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evidence of all workers side by side, in the order of their names."""
    trails = [
        {"worker": worker, **_without(trail, UNLISTED)}
        for worker, told in sorted(evidence.items())
        for trail in told
    ]
    return {"delivered": trails}


def _without(trail: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in trail.items() if key != name}
