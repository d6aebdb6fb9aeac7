"""How far a reader has come, drawn to one scale and never hidden by it."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery.behind import Stretch
from gateway.console.standing import BAR_WIDTH, BAR_X, standing


def test_what_was_read_and_what_lies_ahead_are_told_to_one_scale() -> None:
    drawn = standing([Stretch(0, 60, 10, 110), Stretch(1, 50, 0, 50)])
    assert drawn is not None
    half, whole = drawn.tracks
    assert (half.kept, half.read, half.ahead, half.gap) == (100, 50, 50, False)
    assert (half.length, half.filled, half.mark) == (BAR_WIDTH, 107, BAR_X + 107)
    assert (whole.length, whole.filled) == (BAR_WIDTH // 2, BAR_WIDTH // 2)
    assert drawn.ahead == 50


def test_a_single_record_ahead_of_millions_is_seen() -> None:
    drawn = standing([Stretch(0, 9_999_999, 0, 10_000_000), Stretch(1, 0, 0, 1)])
    assert drawn is not None
    long, short = drawn.tracks
    assert 0 < long.length - long.filled < 10
    assert (short.ahead, short.length > 0, short.filled) == (1, True, 0)


def test_who_never_read_has_no_mark_and_a_lost_position_is_at_the_beginning() -> None:
    drawn = standing([Stretch(0, None, 0, 9), Stretch(1, 3, 5, 9), Stretch(2, None, 7, 7)])
    assert drawn is not None
    never, lost, empty = drawn.tracks
    assert (never.has_begun, never.read, never.ahead) == (False, 0, 9)
    assert (lost.gap, lost.mark, lost.ahead) == (True, BAR_X, 4)
    assert (empty.length, empty.kept, empty.ahead) == (0, 0, 0)


def test_nothing_known_is_not_drawn() -> None:
    assert standing([]) is None


NUMBERS = st.integers(0, 2**40)


@given(st.lists(st.tuples(st.none() | NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=64))
def test_bars_stay_inside_and_parts_sum_up(places: list[tuple[int | None, int, int]]) -> None:
    stretches = [
        Stretch(n, None if at is None else min(at, first + kept), first, first + kept)
        for n, (at, first, kept) in enumerate(places)
    ]
    drawn = standing(stretches)
    assert drawn is not None
    for track in drawn.tracks:
        assert track.read + track.ahead == track.kept
        assert 0 <= track.filled <= track.length <= BAR_WIDTH
        assert (track.filled == track.length) == (track.ahead == 0)
        assert (track.filled == 0) == (track.read == 0)
