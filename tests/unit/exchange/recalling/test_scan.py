"""Which places were handed on, and what of the log is read to find their keys."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.metering.evidence.delivered import Handed, Under
from exchange.recalling.scan import NEAR, Covered


def handed(revision: int, first: int, last: int) -> Handed:
    return Handed(Under("s", revision, 1, 0), first, last)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 60), st.integers(0, 20)), max_size=12),
    st.integers(0, 90),
)
def test_a_place_was_handed_on_under_the_revisions_that_cover_it(
    ranges: list[tuple[int, int, int]], place: int
) -> None:
    several = [handed(revision, first, first + more) for revision, first, more in ranges]
    expected = {each.under.revision for each in several if each.covers(0, place)}
    assert set(Covered(several).revisions(place)) == expected


def test_only_what_was_handed_on_is_read_and_near_stretches_at_once() -> None:
    far = 3 * NEAR
    covered = Covered([handed(1, 5, 9), handed(2, 20, 29), handed(2, far, far + 10)])
    assert covered.stretches(0, far + 5) == [(5, 30), (far, far + 5)]
    assert Covered([]).stretches(0, 100) == []


def test_where_retention_took_some_all_that_is_left_is_read() -> None:
    """Any record that is left may tell what stood before it."""
    assert Covered([handed(1, 5, 9)]).stretches(7, 50) == [(7, 50)]
