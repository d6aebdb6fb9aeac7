"""Folding records of one partition: the last of each key, and what stood before each; pure."""

from typing import NamedTuple


class Record(NamedTuple):
    """A record of a partition by its offset; without a value it is a delete."""

    place: int
    key: bytes
    version: int
    value: bytes | None


class Before(NamedTuple):
    """The record at `place` follows `record`, which is no delete, under the same key."""

    place: int
    record: Record


class Folded(NamedTuple):
    """`firsts` are places by key whose predecessors are not among what was folded.

    `batches` are the marks of the batches that the latest records are of, in their order.
    """

    firsts: dict[bytes, int]
    before: list[Before]
    latest: dict[bytes, Record]
    batches: list[bytes]


def nothing() -> Folded:
    return Folded({}, [], {}, [])


def add(folded: Folded, record: Record) -> None:
    """Fold the next record of the partition in."""
    previous = folded.latest.get(record.key)
    if previous is None:
        folded.firsts[record.key] = record.place
    elif previous.value is not None:
        folded.before.append(Before(record.place, previous))
    folded.latest[record.key] = record
