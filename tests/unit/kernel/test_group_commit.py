"""Items gathered into commits: none twice, none lost, none for who has left."""

import asyncio
from collections.abc import Sequence

import pytest

from kernel.errors import Unavailable
from kernel.group_commit import GroupCommit


class Committing:
    """Commits when told to; the result of an item is ten times the item."""

    def __init__(self) -> None:
        self.groups: list[Sequence[int]] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None
        self.unclaimed: list[tuple[int, int]] = []
        self.queue: GroupCommit[int, int] = GroupCommit(
            self.commit,
            most=3,
            waiting_max=5,
            unclaimed=lambda item, result: self.unclaimed.append((item, result)),
        )

    async def commit(self, items: Sequence[int]) -> Sequence[int]:
        self.groups.append(items)
        await self.go.wait()
        if self.error:
            raise self.error
        return [item * 10 for item in items]

    async def asked(self, *items: int) -> list["asyncio.Task[int]"]:
        tasks = [asyncio.create_task(self.queue.submit(item)) for item in items]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks


async def test_what_comes_while_one_is_under_way_goes_together() -> None:
    committing = Committing()
    first = await committing.asked(1)
    others = await committing.asked(2, 3, 4, 5)
    committing.go.set()
    assert await asyncio.gather(*first, *others) == [10, 20, 30, 40, 50]
    assert committing.groups == [[1], [2, 3, 4], [5]]


async def test_who_left_before_the_commit_is_not_committed_and_later_is_unclaimed() -> None:
    committing = Committing()
    [under_way] = await committing.asked(1)
    waiting, staying = await committing.asked(2, 3)
    under_way.cancel()
    waiting.cancel()
    committing.go.set()
    assert await staying == 30
    await committing.queue.close()
    assert committing.groups == [[1], [3]]
    assert committing.unclaimed == [(1, 10)]


async def test_an_error_reaches_all_of_its_group_and_nobody_else() -> None:
    committing = Committing()
    committing.error = ConnectionResetError()
    tasks = await committing.asked(1)
    committing.go.set()
    with pytest.raises(ConnectionResetError):
        await tasks[0]
    committing.error = None
    assert await committing.queue.submit(2) == 20


async def test_a_queue_that_is_full_says_so() -> None:
    committing = Committing()
    tasks = await committing.asked(1)
    tasks += await committing.asked(2, 3, 4, 5, 6)
    with pytest.raises(Unavailable):
        await committing.queue.submit(7)
    committing.go.set()
    await asyncio.gather(*tasks)
