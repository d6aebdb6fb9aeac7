import asyncio
from collections.abc import Sequence

import pytest

from kernel import write_behind
from kernel.write_behind import WriteBehind


class Table:
    """Remembers what was written together; `losses` writes fail first, as a lost database does."""

    def __init__(self, losses: int = 0) -> None:
        self.losses = losses
        self.writes: list[list[int]] = []
        self.written = asyncio.Event()

    async def write(self, items: Sequence[int]) -> None:
        if self.losses:
            self.losses -= 1
            raise ConnectionResetError
        self.writes.append(list(items))
        if sum(map(len, self.writes)) == 2:
            self.written.set()


async def test_what_comes_within_a_moment_is_written_together_and_in_order() -> None:
    table = Table()
    writing: WriteBehind[int] = WriteBehind(table.write)
    for n in range(10):
        writing.put(n)
        await asyncio.sleep(0)
    await asyncio.sleep(write_behind.LINGER_SECONDS * 3)
    assert table.writes == [list(range(10))]


async def test_a_lost_database_costs_time_and_no_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "RETRY_SECONDS", 0.01)
    table = Table(losses=3)
    writing: WriteBehind[int] = WriteBehind(table.write)
    writing.put(1)
    await asyncio.sleep(write_behind.LINGER_SECONDS + 0.015)
    writing.put(2)
    async with asyncio.timeout(2):
        await table.written.wait()
    assert [item for items in table.writes for item in items] == [1, 2]


async def test_a_write_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "AT_ONCE", 4)
    table = Table()
    writing: WriteBehind[int] = WriteBehind(table.write)
    for n in range(10):
        writing.put(n)
    await writing.close()
    assert table.writes == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_closing_waits_for_what_is_written_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_behind, "CLOSE_SECONDS", 0.05)
    table = Table(losses=1_000)
    writing: WriteBehind[int] = WriteBehind(table.write)
    writing.put(1)
    async with asyncio.timeout(1):
        await writing.close()
    assert table.writes == []
