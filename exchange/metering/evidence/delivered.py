"""What was handed on of each partition, read from the evidence of reads; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final, NamedTuple

from exchange.metering.evidence.intervals import UNLISTED, merged

# Of a trail that was written before the unlisted were kept: anything may have been handed on.
ANYWHERE: Final = 2**53
# So long after something was handed on every worker has flushed it, and those that were killed have
# been found out.
FLUSHED: Final = timedelta(seconds=3)
FOUND_OUT: Final = timedelta(seconds=40)


class Under(NamedTuple):
    """Under which revision of a grant, and by which version in force, of which partition."""

    subscription_id: str
    revision: int
    version: int
    partition: int


class Handed(NamedTuple):
    """Offsets that were looked at for pages that left, both ends inclusive.

    With `until` nobody knows whether they were: what the log held at that moment may have been.
    """

    under: Under
    first: int
    last: int
    until: datetime | None = None

    def covers(self, partition: int, offset: int) -> bool:
        return self.under.partition == partition and self.first <= offset <= self.last


def handed(
    subscription_id: str, evidence: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Handed]:
    """Return what the workers told of one subscription and minute, once."""
    found: dict[Under, list[tuple[int, int]]] = {}
    for trails in evidence.values():
        for trail in trails:
            of = Under(subscription_id, trail["revision"], trail["version"], trail["partition"])
            found.setdefault(of, []).extend(_intervals(trail))
    return list(_merged(found.items()))


def _intervals(trail: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    yield from ((first, last) for first, last in trail["ranges"] if last >= first)
    if trail["left_out"]:
        yield from ((first, last) for first, last in trail.get(UNLISTED, [(0, ANYWHERE)]))


def joined(several: Iterable[Handed]) -> list[Handed]:
    """Return the same offsets in as few intervals as there can be; what is unknown stays apart."""
    found: dict[Under, list[tuple[int, int]]] = {}
    unknown = []
    for each in several:
        if each.until is None:
            found.setdefault(each.under, []).append((each.first, each.last))
        else:
            unknown.append(each)
    return [*_merged(found.items()), *unknown]


def _merged(found: Iterable[tuple[Under, list[tuple[int, int]]]]) -> Iterator[Handed]:
    for under, intervals in found:
        yield from (Handed(under, *interval) for interval in merged(intervals))


class LastSeen(NamedTuple):
    """A worker that had served the subscription was killed at this moment."""

    subscription_id: str
    until: datetime


def lost(
    seen: LastSeen, revisions: Iterable[int], versions: Iterable[int], partition: int
) -> list[Handed]:
    """Return what a killed worker may have handed on last: after a rewind that is anything."""
    return [
        Handed(Under(seen.subscription_id, *terms, partition), 0, ANYWHERE, seen.until)
        for terms in product(revisions, versions)
    ]
