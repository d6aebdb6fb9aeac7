"""Finds keys that were handed on to a subscription and that its filter hides since.

A key was handed on where the record of delivered ranges covers a record of it that was a row of the
terms of that time. Such a record stands in the log, or, where retention took it, in the latest
state: as the last one of its key, or as what stood before a record that the log still has.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import text

from exchange.corrections.granted_terms import GrantedTerms
from exchange.delivery.projection.projection import Projection
from exchange.latest.replaced import FoldPlace
from exchange.latest.store import digest
from exchange.metering.evidence.delivered import Handed, Under
from exchange.metering.evidence.intervals import Interval, merged
from exchange.recalls.store import NewKey
from kernel.database import ReadSession

# Stretches of the log with fewer places between them are read as one.
NEAR: Final = 10_000


class Seen(NamedTuple):
    """A record that may have been handed on."""

    partition: int
    place: int
    key: bytes
    version: int
    value: bytes


class Looks:
    """What terms show of records: whether they are rows, by revision and version."""

    def __init__(self, subscription_id: str, granted: GrantedTerms, in_force: int) -> None:
        self._subscription_id = subscription_id
        self._granted = granted
        self._in_force = in_force
        self._known: dict[int, Projection] = {}

    def rows(self, revision: int, version: int, values: Sequence[bytes]) -> Sequence[bool]:
        """Tell which records of a version are rows under a revision of the grant."""
        if revision not in self._known:
            under = Under(self._subscription_id, revision, self._in_force, 0)
            self._known[revision] = Projection(self._granted.of(under))
        return self._known[revision].passing(version, values)


class Covered:
    """Places of one partition that were handed on, by the revision of the grant."""

    def __init__(self, handed: Iterable[Handed]) -> None:
        places: dict[int, list[Interval]] = {}
        for each in handed:
            places.setdefault(each.under.revision, []).append((each.first, each.last))
        self._intervals = {revision: merged(each) for revision, each in places.items()}

    @property
    def first(self) -> int | None:
        """The first place, None where nothing was handed on."""
        return min((each[0][0] for each in self._intervals.values()), default=None)

    def revisions(self, place: int) -> list[int]:
        """Return under which revisions a place was handed on."""
        return [
            revision
            for revision, intervals in self._intervals.items()
            if (at := bisect_right(intervals, place, key=itemgetter(0)))
            and place <= intervals[at - 1][1]
        ]

    def stretches(self, earliest: int, end: int) -> list[Interval]:
        """Return what of the log is to be read, ends exclusive; near ones are read as one.

        Where retention took some of it that is all that is left: it tells what stood before.
        """
        if self.first is None:
            return []
        if self.first < earliest:
            return [(earliest, end)]
        intervals = [each for several in self._intervals.values() for each in several]
        near = merged((first, last + NEAR) for first, last in intervals)
        return [(first, min(last - NEAR + 1, end)) for first, last in near]


def handed_on(looks: Looks, covered: Covered, seen: Iterable[Seen]) -> list[Seen]:
    """Return the records that were handed on as rows."""
    wanted: dict[tuple[int, int], list[Seen]] = {}
    for each in seen:
        for revision in covered.revisions(each.place):
            wanted.setdefault((revision, each.version), []).append(each)
    found: dict[tuple[int, int], Seen] = {}
    for (revision, version), records in wanted.items():
        are_rows = looks.rows(revision, version, [each.value for each in records])
        for each, is_row in zip(records, are_rows, strict=True):
            if is_row:
                found[each.partition, each.place] = each
    return list(found.values())


BEFORE = text("""
    SELECT place, before, version, value FROM exchange.predecessor
    WHERE fold_id = :fold_id AND place = ANY(:places) AND before < :earliest
""")
NOW = text("""
    SELECT digest, version, value FROM exchange.latest
    WHERE fold_id = :fold_id AND digest = ANY(:digests)
""")


async def before(
    session: ReadSession, fold: FoldPlace, keys: Mapping[int, bytes], earliest: int
) -> list[Seen]:
    """Return what stood before records, by their places, where the log lost it."""
    if not keys or not earliest:
        return []
    facts = {"fold_id": fold.fold_id, "places": list(keys), "earliest": earliest}
    return [
        Seen(fold.partition, row.before, keys[row.place], row.version, bytes(row.value))
        for row in await session.execute(BEFORE.bindparams(**facts))
    ]


async def hidden(
    session: ReadSession, fold: FoldPlace, looks: Looks, revision: int, records: Sequence[Seen]
) -> list[NewKey]:
    """Return the keys of records whose last record is no row under a revision of the grant."""
    keys = {digest(each.key): each for each in records}
    rows = await session.execute(NOW.bindparams(fold_id=fold.fold_id, digests=list(keys)))
    values: dict[int, list[tuple[bytes, bytes]]] = {}
    for row in rows:
        if row.value is not None:
            values.setdefault(row.version, []).append((bytes(row.digest), bytes(row.value)))
    for version, each in values.items():
        are_rows = looks.rows(revision, version, [value for _digest, value in each])
        for (known, _value), is_row in zip(each, are_rows, strict=True):
            if is_row:
                del keys[known]
    return [NewKey(each.partition, known, each.key, each.version) for known, each in keys.items()]
