"""Evidence: one digest for the same records, however pages were cut, and another for others."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest

from exchange.log.accepted import PositionRange
from exchange.log.chunks import Chunk
from exchange.metering.evidence.trails import (
    RANGES_MAX,
    Delivered,
    PublishEvidence,
    RangeDigest,
    ReadEvidence,
    Take,
    added,
    sealed_publishes,
    sealed_reads,
)

BATCH = 10


def digest_of(batch: int, salt: str = "") -> bytes:
    return hashlib.sha256(f"{batch}{salt}".encode()).digest()


def chunk(start: int, end: int, salt: str = "") -> Chunk:
    """A chunk of the log in which every ten records are a batch."""
    made = Chunk(start=start, next_offset=end, end=end)
    for batch in range(start // BATCH, (end - 1) // BATCH + 1):
        header = ("exchange-digest", digest_of(batch, salt).hex().encode())
        made.headers.append((batch * BATCH, [header]))
    return made


LOG = chunk(0, 100)


def page(*takes: Take, revision: int = 1, version: int = 1) -> Delivered:
    records = sum(take.end - take.first for take in takes)
    return Delivered("s", revision, version, records, 100, takes)


def told(*pages: Delivered) -> list[dict[str, object]]:
    evidence = ReadEvidence("s")
    for each in pages:
        evidence.add(each)
    return evidence.told()


def walk(cuts: Sequence[int], log: Chunk = LOG) -> dict[str, object]:
    """Deliver from the first cut to the last, a page between two."""
    pages = pairwise(cuts)
    [trail] = told(*(page(Take(0, log, first, end)) for first, end in pages))
    return trail


def test_the_same_records_have_one_digest_however_pages_were_cut() -> None:
    whole = walk([0, 100])
    assert whole["ranges"] == [[0, 99]]
    assert walk([0, 1, 7, 10, 35, 99, 100]) == whole


def test_the_same_records_have_one_digest_however_the_log_was_read() -> None:
    parts = [Take(0, chunk(0, 33), 0, 33), Take(0, chunk(33, 60), 33, 60), Take(0, LOG, 60, 100)]
    [trail] = told(page(*parts))
    assert trail == walk([0, 100])


def test_a_page_more_or_less_is_another_digest() -> None:
    digests = {walk(cuts)["digest"] for cuts in ([0, 99], [0, 100], [1, 100], [0, 10], [10, 20])}
    assert len(digests) == 5


def test_other_contents_of_the_log_are_another_digest() -> None:
    forged = chunk(0, 100)
    forged.headers[7] = (70, [("exchange-digest", digest_of(7, "forged").hex().encode())])
    assert walk([0, 100], forged)["digest"] != walk([0, 100])["digest"]
    assert walk([0, 70], forged)["digest"] == walk([0, 70])["digest"]


def test_a_range_that_begins_within_a_batch_holds_its_digest() -> None:
    """A client may read ten thousand records of one batch in pages."""
    assert walk([3, 8])["digest"] != walk([3, 8], chunk(0, 100, "forged"))["digest"]


def test_what_the_grant_showed_is_told_apart_by_revision_version_and_partition() -> None:
    takes = [Take(0, LOG, 0, 10)]
    trails = told(
        page(*takes),
        page(*takes, revision=2),
        page(*takes, version=2),
        page(Take(1, LOG, 0, 10)),
    )
    assert len({trail["digest"] for trail in trails}) == 4
    assert [trail["ranges"] for trail in trails] == [[[0, 9]]] * 4


def test_reading_again_is_a_range_of_its_own() -> None:
    [trail] = told(*(page(Take(0, LOG, 0, 10)) for _ in range(3)))
    assert trail["ranges"] == [[0, 9]] * 3


def test_partitions_that_take_turns_are_a_range_each() -> None:
    trails = told(
        *(page(Take(number % 2, LOG, number // 2 * 5, number // 2 * 5 + 5)) for number in range(20))
    )
    assert [trail["ranges"] for trail in trails] == [[[0, 49]], [[0, 49]]]


def test_ranges_are_bounded_and_all_are_in_the_digest() -> None:
    pages = [page(Take(0, LOG, number % 7, 20)) for number in range(RANGES_MAX + 10)]
    [trail] = told(*pages)
    assert len(trail["ranges"]) == RANGES_MAX  # type: ignore[arg-type]
    assert trail["left_out"] == 10
    [other] = told(*pages[:-1], page(Take(0, LOG, 5, 20)))
    assert (other["ranges"], other["left_out"]) == (trail["ranges"], trail["left_out"])
    assert other["digest"] != trail["digest"]


def test_a_page_that_goes_on_from_a_range_left_out_changes_none_that_is_listed() -> None:
    pages = [page(Take(0, LOG, number % 7, 20)) for number in range(RANGES_MAX + 1)]
    [before] = told(*pages)
    [after] = told(*pages, page(Take(0, LOG, 20, 30)))
    assert after["ranges"] == before["ranges"]
    assert after["left_out"] == before["left_out"]
    assert after["digest"] != before["digest"]


def test_telling_does_not_end_a_digest() -> None:
    digest = RangeDigest("s", 1, 1, 0)
    digest.add(LOG, 0, 10)
    digest.hexdigest()
    digest.add(LOG, 10, 100)
    assert digest.hexdigest() == walk([0, 100])["digest"]


def test_digests_of_publishes_add_up_in_any_order() -> None:
    batches = [(PositionRange(0, first, first + 9), digest_of(first)) for first in range(0, 50, 10)]
    one, other = PublishEvidence(), PublishEvidence()
    for position, digest in batches:
        one.add([position], digest)
    for position, digest in reversed(batches):
        other.add([position], digest)
    assert one.told() == other.told()
    assert one.told()["digest"] == added(digest for _position, digest in batches)
    assert one.told()["spans"] == [[0, 0, 49, 50]]


def test_a_batch_over_partitions_counts_once_in_each() -> None:
    evidence = PublishEvidence()
    evidence.add([PositionRange(0, 5, 6), PositionRange(3, 9, 9)], digest_of(1))
    assert evidence.told() == {
        "digest": added([digest_of(1)] * 2),
        "spans": [[0, 5, 6, 2], [3, 9, 9, 1]],
    }


def test_workers_evidence_of_publishes_is_sealed_as_one() -> None:
    one, other, whole = PublishEvidence(), PublishEvidence(), PublishEvidence()
    for place, evidence in enumerate((one, other)):
        positions = [PositionRange(0, place * 10, place * 10 + 4)]
        evidence.add(positions, digest_of(place))
        whole.add(positions, digest_of(place))
    sealed = sealed_publishes({"b": other.told(), "a": one.told()})
    assert sealed == whole.told()
    assert sealed["spans"] == [[0, 0, 14, 10]]
    assert sealed_publishes({})["spans"] == []


def test_workers_evidence_of_reads_stands_side_by_side() -> None:
    trails = {"b": told(page(Take(0, LOG, 0, 10))), "a": told(page(Take(0, LOG, 10, 20)))}
    sealed = sealed_reads(trails)["delivered"]
    assert [(trail["worker"], trail["ranges"]) for trail in sealed] == [
        ("a", [[10, 19]]),
        ("b", [[0, 9]]),
    ]


@pytest.mark.parametrize("first", [0, 4, 9, 10, 11, 99])
def test_marks_of_a_whole_range_begin_with_the_batch_that_it_lies_in(first: int) -> None:
    marks = LOG.marks(first, 100, whole=True)
    assert marks[:8] == (first // BATCH * BATCH).to_bytes(8)
    assert marks[8:40] == digest_of(first // BATCH)
    assert len(marks) == 40 * (10 - first // BATCH)
