"""A large text is put together in portions, and is what came."""

from collections import deque
from collections.abc import Sequence

import pytest

from kernel.joining import JOINED_AT_ONCE, joining, used_up
from kernel.turns import finished

PIECE = JOINED_AT_ONCE // 2


def pieces(count: int) -> Sequence[bytes]:
    return [bytes([number]) * PIECE for number in range(count)] + [b"."]


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_it_is_what_came_and_pauses_behind_each_piece(count: int) -> None:
    came, whole = deque(pieces(count)), b"".join(pieces(count))
    assert finished(joining(used_up(came), len(whole))) == whole
    assert not came
    is_large = len(whole) > JOINED_AT_ONCE
    assert sum(1 for _ in joining(pieces(count), len(whole))) == (count + 1 if is_large else 0)
