import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery.cursor import Place, decode, encode
from kernel.errors import InvalidCursor

KEY = b"k" * 32
offsets = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=64).map(tuple)


@given(offsets, st.booleans())
def test_a_cursor_reads_back(at: tuple[int, ...], bounded: bool) -> None:
    place = Place(at, at if bounded else ())
    assert decode(KEY, "sub", encode(KEY, "sub", place), len(at)) == place


def test_a_cursor_of_another_subscription_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "mine", encode(KEY, "theirs", Place((5,))), 1)


def test_a_cursor_signed_with_another_key_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "sub", encode(b"x" * 32, "sub", Place((5,))), 1)


@pytest.mark.parametrize(
    "forged", ["", "0", "abc", "数", "A" * 3000, "-" * 40, "AAAA====", "null", "\x00"]
)
def test_what_was_never_issued_is_refused(forged: str) -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "sub", forged, 1)


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    cursor = encode(KEY, "sub", Place((123_456,)))
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCDwxyz0189-_"))
    changed = cursor[:at] + letter + cursor[at + 1 :]
    if changed != cursor:
        with pytest.raises(InvalidCursor):
            decode(KEY, "sub", changed, 1)


def test_a_cursor_for_other_partitions_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "sub", encode(KEY, "sub", Place((1, 2))), 1)


def test_a_round_is_over_when_every_bound_is_reached() -> None:
    assert Place((5, 5), (5, 5)).round_is_over
    assert not Place((5, 4), (5, 5)).round_is_over
    assert Place((5, 4)).round_is_over
