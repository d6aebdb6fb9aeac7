"""Loads of single keys gathered: a load begins after it was asked for."""

import asyncio
from collections.abc import Sequence

import pytest

from kernel.group_commit import GroupCommit


class Source:
    def __init__(self) -> None:
        self.loads: list[list[str]] = []
        self.gate = asyncio.Event()
        self.value = "old"

    def queue(self, *, most: int) -> GroupCommit[str, str | None]:
        return GroupCommit(self.load, most=most)

    async def load(self, keys: Sequence[str]) -> Sequence[str | None]:
        self.loads.append(list(dict.fromkeys(keys)))
        value = self.value
        await self.gate.wait()
        if "bad" in keys:
            raise ValueError("bad")
        return [f"{key}:{value}" if key != "missing" else None for key in keys]


async def test_what_is_asked_for_while_a_load_is_under_way_goes_together() -> None:
    source = Source()
    grouped = source.queue(most=10)
    first = asyncio.create_task(grouped.submit("a"))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(grouped.submit(key)) for key in ("b", "c", "b")]
    await asyncio.sleep(0.01)
    source.gate.set()
    assert await first == "a:old"
    assert await asyncio.gather(*later) == ["b:old", "c:old", "b:old"]
    assert source.loads == [["a"], ["b", "c"]]


async def test_nobody_gets_the_value_of_a_load_that_began_before_it_asked() -> None:
    source = Source()
    grouped = source.queue(most=10)
    early = asyncio.create_task(grouped.submit("a"))
    await asyncio.sleep(0.01)
    source.value = "new"
    late = asyncio.create_task(grouped.submit("a"))
    source.gate.set()
    assert (await early, await late) == ("a:old", "a:new")


async def test_a_load_is_bounded() -> None:
    source = Source()
    source.gate.set()
    grouped = source.queue(most=3)
    await asyncio.gather(*(grouped.submit(str(number)) for number in range(8)))
    assert [len(keys) for keys in source.loads] == [3, 3, 2]


async def test_what_is_not_there_is_none() -> None:
    source = Source()
    source.gate.set()
    grouped = source.queue(most=3)
    assert await grouped.submit("missing") is None


async def test_a_failure_reaches_those_who_waited_for_it_and_nobody_else() -> None:
    source = Source()
    source.gate.set()
    grouped = source.queue(most=2)
    tasks = [asyncio.create_task(grouped.submit(key)) for key in ("a", "bad", "b")]
    with pytest.raises(ValueError, match="bad"):
        await tasks[0]
    with pytest.raises(ValueError, match="bad"):
        await tasks[1]
    assert await tasks[2] == "b:old"


async def test_whoever_leaves_does_not_take_the_others_with_it() -> None:
    source = Source()
    grouped = source.queue(most=5)
    leaving, staying = (asyncio.create_task(grouped.submit(key)) for key in ("a", "b"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    source.gate.set()
    assert await staying == "b:old"
