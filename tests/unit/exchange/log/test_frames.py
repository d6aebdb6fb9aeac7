"""Answers of a broker come whole, in order, however the kernel cuts them."""

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.log.frames import SPARE_BYTES, Frames


class Before(asyncio.Protocol):
    """Remembers what it is told of a connection."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(exc)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


def feed(frames: Frames, sent: bytes, most: int) -> None:
    """Put bytes where they are wanted, so many at a time as the kernel does."""
    while sent:
        room = frames.get_buffer(-1)
        taken = min(most, len(room), len(sent))
        room[:taken] = sent[:taken]
        frames.buffer_updated(taken)
        sent = sent[taken:]


def framed(answer: bytes) -> bytes:
    return struct.pack(">i", len(answer)) + answer


SIZES = st.lists(
    st.one_of(st.integers(0, 40), st.integers(SPARE_BYTES - 9, SPARE_BYTES + 9)), max_size=6
)


@given(SIZES, st.one_of(st.integers(1, 11), st.integers(SPARE_BYTES - 9, 3 * SPARE_BYTES)))
def test_answers_come_whole_and_in_order(sizes: list[int], most: int) -> None:
    answers = [bytes([place]) * size for place, size in enumerate(sizes)]
    come: list[bytes] = []
    feed(
        Frames(Before(), lambda frame: come.append(bytes(frame))),
        b"".join(map(framed, answers)),
        most if sum(sizes) < 1_000 else max(most, 4_096),
    )
    assert come == answers


def test_a_large_answer_is_read_where_it_stays() -> None:
    """A buffer that grew with it was copied again and again."""
    asked: list[int] = []
    frames = Frames(Before(), lambda _frame: None)
    size = 10 * SPARE_BYTES
    feed(frames, framed(bytes(size))[:SPARE_BYTES], SPARE_BYTES)
    asked.append(len(frames.get_buffer(-1)))
    assert asked == [size - SPARE_BYTES + 4]


def test_a_negative_size_ends_it() -> None:
    with pytest.raises(ValueError, match="-1"):
        feed(Frames(Before(), lambda _frame: None), struct.pack(">i", -1), 4)


def test_all_else_goes_to_who_had_the_connection_before() -> None:
    before, gone = Before(), ConnectionResetError()
    frames = Frames(before, lambda _frame: None)
    frames.pause_writing()
    frames.resume_writing()
    assert frames.eof_received()
    frames.connection_lost(gone)
    assert before.told == ["pause", "resume", "eof", gone]
