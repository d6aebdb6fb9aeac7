"""Sets of offsets, and what the evidence of reads says was handed on."""

from exchange.log.chunks import Chunk
from exchange.metering.evidence.delivered import Handed, Under, handed, joined
from exchange.metering.evidence.intervals import UNLISTED, Cover, merged
from exchange.metering.evidence.trails import (
    RANGES_MAX,
    Delivered,
    ReadEvidence,
    Take,
    sealed_reads,
)

UNDER = Under("s", 1, 1, 0)
EMPTY = Chunk(start=0, next_offset=10_000, end=10_000)


def test_intervals_that_touch_are_one() -> None:
    assert merged([(5, 6), (0, 2), (3, 4), (9, 9)]) == [(0, 6), (9, 9)]


def test_a_cover_is_bounded_and_never_less_than_what_was_added() -> None:
    cover = Cover(3)
    added = [(0, 0), (2, 2), (100, 100), (102, 103), (500, 500), (900, 900)]
    for first, last in added:
        cover.add(first, last)
    assert cover.intervals() == [(0, 103), (500, 500), (900, 900)]


def test_what_is_not_listed_is_handed_on_all_the_same() -> None:
    evidence = ReadEvidence("s")
    jumps = range(0, 4 * (RANGES_MAX + 10), 4)
    for first in jumps:
        evidence.add(Delivered("s", 1, 1, 1, 1, [Take(0, EMPTY, first, first + 1)]))
    told = {"w": evidence.told()}
    assert handed("s", told) == [Handed(UNDER, first, first) for first in jumps]
    [trail] = sealed_reads(told)["delivered"]
    assert UNLISTED not in trail
    assert trail["left_out"] == 10


def test_a_trail_of_an_earlier_release_may_have_been_anywhere() -> None:
    trail = {"revision": 1, "version": 1, "partition": 0, "ranges": [[4, 5]], "left_out": 1}
    [whole] = handed("s", {"w": [trail]})
    assert whole.covers(0, 0)
    assert whole.covers(0, 10**9)
    assert not whole.covers(1, 0)


def test_workers_are_joined() -> None:
    assert joined([Handed(UNDER, 3, 4), Handed(UNDER, 0, 2)]) == [Handed(UNDER, 0, 4)]
