"""So many pass at once, callers in turn, and no place is lost with who leaves (P9)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel.fair_gate import FairGate


class Yard:
    """Counts who is inside, and writes down who came in, in order."""

    def __init__(self, most: int) -> None:
        self.gate, self.inside, self.peak = FairGate(most), 0, 0
        self.order: list[str] = []

    @asynccontextmanager
    async def entered(self, caller: str | None) -> AsyncIterator[None]:
        async with self.gate.passing(caller):
            self.inside += 1
            self.peak = max(self.peak, self.inside)
            self.order.append(caller or "-")
            try:
                yield
            finally:
                self.inside -= 1

    async def visit(self, caller: str | None = None) -> None:
        async with self.entered(caller):
            await asyncio.sleep(0)


async def test_no_more_pass_at_once_than_may() -> None:
    yard = Yard(3)
    await asyncio.gather(*(yard.visit() for _ in range(50)))
    assert (yard.peak, yard.inside, len(yard.order)) == (3, 0, 50)


async def test_who_asks_for_much_keeps_nobody_waiting_for_all_of_it() -> None:
    """A client's hundred readings of the log once came before anybody else's one."""
    yard = Yard(1)
    await asyncio.gather(*(yard.visit("much") for _ in range(100)), yard.visit("one"))
    assert yard.order.index("one") <= 2


async def test_who_gives_up_leaves_its_place_to_others() -> None:
    yard = Yard(1)
    async with yard.entered("holds"):
        waits = [asyncio.create_task(yard.visit(f"w{n}")) for n in range(4)]
        await asyncio.sleep(0)
        waits[0].cancel()
    # The next one has its place in hand already, and gives up before it comes to run.
    waits[1].cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    assert yard.order == ["holds", "w2", "w3"]
    await asyncio.wait_for(yard.visit("later"), 5)


async def test_what_fails_inside_gives_its_place_back() -> None:
    yard = Yard(1)

    async def failing() -> None:
        async with yard.entered("fails"):
            raise ValueError

    outcomes = await asyncio.gather(*(failing() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [ValueError] * 3
    await asyncio.wait_for(yard.visit("later"), 5)
