import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery import cursor as cursors
from exchange.delivery.cursor import (
    PURPOSE,
    Epoch,
    OtherGenerationError,
    OtherLogError,
    Position,
)
from kernel.errors import InvalidCursor
from kernel.sealed import _text
from kernel.secretbox import mac

KEY = b"k" * 32
EPOCH = Epoch(3, b"topic-id")
offsets = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=64).map(tuple)


def encode(key: bytes, subscription: str, position: Position, epoch: Epoch = EPOCH) -> str:
    return cursors.encode(key, subscription, epoch, position)


def decode(
    key: bytes, subscription: str, cursor: str, partitions: int, epoch: Epoch = EPOCH
) -> Position:
    return cursors.decode(key, subscription, epoch, cursor, partitions)


@given(offsets, st.booleans(), st.integers(0, 2**62))
def test_a_cursor_reads_back(at: tuple[int, ...], bounded: bool, told: int) -> None:
    position = Position(at, at if bounded else (), told)
    assert decode(KEY, "sub", encode(KEY, "sub", position), len(at)) == position


def test_a_cursor_of_another_subscription_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "mine", encode(KEY, "theirs", Position((5,))), 1)


def test_a_cursor_signed_with_another_key_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "sub", encode(b"x" * 32, "sub", Position((5,))), 1)


@pytest.mark.parametrize(
    "forged", ["", "0", "abc", "数", "A" * 3000, "-" * 40, "AAAA====", "null", "\x00"]
)
def test_what_was_never_issued_is_refused(forged: str) -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "sub", forged, 1)


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    cursor = encode(KEY, "sub", Position((123_456,)))
    at = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCDwxyz0189-_"))
    changed = cursor[:at] + letter + cursor[at + 1 :]
    if changed != cursor:
        with pytest.raises(InvalidCursor):
            decode(KEY, "sub", changed, 1)


def test_a_cursor_for_other_partitions_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode(KEY, "sub", encode(KEY, "sub", Position((1, 2))), 1)


def test_a_round_is_over_when_every_bound_is_reached() -> None:
    assert Position((5, 5), (5, 5)).round_is_over
    assert not Position((5, 4), (5, 5)).round_is_over
    assert Position((5, 4)).round_is_over


def unversioned(position: Position) -> str:
    """A cursor as builds before versions wrote it: readable, under a MAC."""
    packed = msgspec.msgpack.encode((position.offsets, position.bounds))
    return _text(packed + mac(KEY, PURPOSE, b"sub", packed))


def test_a_cursor_tells_nothing_of_its_offsets() -> None:
    """Offsets could be read out of the text: how many rows a filter hides between two pages."""
    text = encode(KEY, "sub", Position((123_456,)))
    sealed = base64.urlsafe_b64decode(text.partition(".")[2] + "==")
    assert msgspec.msgpack.encode((123_456,))[1:] not in sealed
    near = encode(KEY, "sub", Position((123_457,)))
    assert sum(a == b for a, b in zip(text, near, strict=True)) < len(text) // 2


def test_one_place_has_one_cursor() -> None:
    assert encode(KEY, "sub", Position((7,))) == encode(KEY, "sub", Position((7,)))


def test_cursors_of_the_build_before_are_still_read() -> None:
    """Two builds side by side refused each other's cursors during an upgrade."""
    assert decode(KEY, "sub", unversioned(Position((7, 9))), 2) == Position((7, 9))
    with pytest.raises(InvalidCursor):
        decode(KEY, "other", unversioned(Position((7, 9))), 2)


def test_a_topic_made_anew_is_told_from_the_one_before() -> None:
    """Offsets of the old topic skipped as many records of the new one."""
    old = encode(KEY, "sub", Position((500,)))
    with pytest.raises(OtherLogError):
        decode(KEY, "sub", old, 1, Epoch(3, b"made new"))
    assert decode(KEY, "sub", old, 1, Epoch(3, b"")) == Position((500,))


def test_a_database_restored_since_is_told_with_the_place() -> None:
    with pytest.raises(OtherGenerationError) as told:
        decode(KEY, "sub", encode(KEY, "sub", Position((5,), (9,))), 1, Epoch(4, b"topic-id"))
    assert told.value.position == Position((5,))


def test_what_was_told_stays_known_after_a_restore() -> None:
    cursor = encode(KEY, "sub", Position((5,), (9,), 3))
    with pytest.raises(OtherGenerationError) as other:
        decode(KEY, "sub", cursor, 1, Epoch(4, b"topic-id"))
    assert other.value.position == Position((5,), told=3)
