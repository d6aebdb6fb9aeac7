"""What becomes of a source where the successor, or another, is the source already (P1)."""

import pytest

from catalog.handover import Fate, Seat, fate_of
from catalog.states import SourceStatus
from catalog.tables import Source
from tests.support.catalog import NOW

OLD, NEW, THIRD = "old", "new", "third"


def source(status: SourceStatus, department: str = OLD) -> Source:
    return Source(
        id=f"{department}-{status}",
        element="DE",
        region_code="450100",
        department=department,
        status=status,
        legal_basis="",
        claimed_by="",
        claimed_at=NOW,
    )


ACTIVE, CLAIMED, CONTESTED = SourceStatus.ACTIVE, SourceStatus.CLAIMED, SourceStatus.CONTESTED


@pytest.mark.parametrize(
    ("status", "others", "fate"),
    [
        (ACTIVE, [], Fate.GOES),
        (ACTIVE, [source(ACTIVE, NEW)], Fate.ENDS),
        # In the new division another department is the source.
        (ACTIVE, [source(ACTIVE, THIRD)], Fate.ENDS),
        (ACTIVE, [source(CONTESTED, NEW), source(CONTESTED, THIRD)], Fate.GOES),
        (CLAIMED, [], Fate.GOES),
        (CONTESTED, [source(ACTIVE, THIRD)], Fate.GOES),
        (CONTESTED, [source(ACTIVE, NEW)], Fate.ENDS),
        (CONTESTED, [source(CONTESTED, NEW)], Fate.ENDS),
    ],
)
def test_one_active_source_stays_and_nobody_claims_twice(
    status: SourceStatus, others: list[Source], fate: Fate
) -> None:
    assert fate_of(source(status), others, NEW) is fate


@pytest.mark.parametrize(
    ("seat", "region", "after"),
    [
        ("450000", "450100", "450100"),
        ("450100", "450103", "450103"),
        ("450100", "450200", "450100"),
        ("450103", "450100", "450103"),
        ("450181", "450127", "450127"),
    ],
)
def test_what_lies_outside_the_successors_division_goes_into_it(
    seat: str, region: str, after: str
) -> None:
    assert Seat(NEW, seat).region_of(region) == after
