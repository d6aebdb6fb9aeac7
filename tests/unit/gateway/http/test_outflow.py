"""What may not leave any more does not, however slowly its reader takes what came before (P3)."""

import asyncio
from typing import Any

import pytest

from gateway.http.budgets import Untaken
from gateway.http.outflow import PIECE_BYTES, CutShortError, Outflow, always
from kernel.errors import Unavailable


class Transport:
    """Takes pieces, and is full after each of them."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.aborted = False
        self.out: Outflow

    def write(self, data: bytes) -> None:
        self.taken.append(bytes(data))
        self.out.paused = True

    def writelines(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_extra_info(self, _name: str) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0


async def test_a_rule_that_changes_while_a_piece_is_taken_holds_for_the_next() -> None:
    """Between two looks while it waits the reader may take all: the next piece is asked for."""
    made: Any = Transport()
    out = made.out = Outflow(asyncio.get_running_loop(), made)
    rules = {"allow": True}

    def may_leave() -> None:
        if not rules["allow"]:
            raise Unavailable

    sending = asyncio.create_task(
        out.send(b"head", bytes(3 * PIECE_BYTES), may_leave, Untaken(10**9), "holder")
    )
    await asyncio.sleep(0)
    assert len(made.taken) == 1
    rules["allow"] = False
    out.resume()
    with pytest.raises(CutShortError):
        await sending
    assert len(made.taken) == 1
    assert made.aborted


@pytest.mark.parametrize("piece", [10, 20_000, PIECE_BYTES, 2 * PIECE_BYTES + 1])
async def test_a_body_in_pieces_leaves_as_one(piece: int) -> None:
    made: Any = Transport()
    out = made.out = Outflow(asyncio.get_running_loop(), made)
    body = (b"a" * piece, b"", b"b" * piece)
    sending = asyncio.create_task(out.send(b"head", body, always, Untaken(10**9), "holder"))
    while not sending.done():
        await asyncio.sleep(0)
        out.resume()
    await sending
    assert b"".join(made.taken) == b"head" + b"".join(body)
    assert out.handed_on == 2 * piece
    assert max(map(len, made.taken)) <= len(b"head") + PIECE_BYTES


@pytest.mark.parametrize("body", [b"a", b"a" * 20_000, (b"a", b"b" * 20_000), (b"a", b"b")])
async def test_nothing_of_an_answer_leaves_that_may_not(body: bytes | tuple[bytes, ...]) -> None:
    """The last look is taken in the turn of the write, however the body comes (P3)."""
    made: Any = Transport()
    out = made.out = Outflow(asyncio.get_running_loop(), made)

    def may_not() -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        await out.send(b"head", body, may_not, Untaken(10**9), "holder")
    assert made.taken == []
    assert not out.begun
