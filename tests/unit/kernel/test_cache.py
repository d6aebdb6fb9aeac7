import asyncio

import pytest

from kernel.cache import RuleCache


class Source:
    """A rule that changes while it is being read."""

    def __init__(self) -> None:
        self.value = "old"
        self.loads = 0
        self.began, self.gate = asyncio.Event(), asyncio.Event()

    async def load(self, key: str) -> str:
        self.loads += 1
        self.began.set()
        value = f"{key}:{self.value}"
        await self.gate.wait()
        return value


async def test_a_value_is_loaded_once_for_all_who_wait() -> None:
    source = Source()
    cache = RuleCache(source.load, size=10)
    waiting = [asyncio.create_task(cache.get("a")) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"a:old"}
    assert await cache.get("a") == "a:old"
    assert source.loads == 1


async def test_a_load_that_began_before_a_change_is_not_remembered_after_it() -> None:
    source = Source()
    cache = RuleCache(source.load, size=10)
    early = asyncio.create_task(cache.get("a"))
    await source.began.wait()
    source.value = "new"
    cache.drop("a")
    source.gate.set()
    assert await early == "a:old"
    assert cache.known("a") is None
    assert await cache.get("a") == "a:new"


async def test_a_change_of_one_thing_leaves_the_others() -> None:
    source = Source()
    source.gate.set()
    cache = RuleCache(source.load, size=10)
    await asyncio.gather(cache.get("a"), cache.get("b"))
    cache.drop("a")
    assert (cache.known("a"), cache.known("b")) == (None, "b:old")
    cache.clear()
    assert cache.known("b") is None


async def test_a_failed_load_is_told_to_all_and_tried_again() -> None:
    async def fail(_key: str) -> str:
        raise OSError("away")

    cache = RuleCache(fail, size=10)
    answers = await asyncio.gather(cache.get("a"), cache.get("a"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError, OSError]
    with pytest.raises(OSError, match="away"):
        await cache.get("a")


async def test_it_is_bounded() -> None:
    source = Source()
    source.gate.set()
    cache = RuleCache(source.load, size=3)
    for key in "abcde":
        await cache.get(key)
    assert [key for key in "abcde" if cache.known(key)] == ["c", "d", "e"]


async def test_it_is_bounded_by_bytes_and_what_values_share_counts_once() -> None:
    async def load(key: str) -> str:
        return key

    parts = {"a": {1: 10, 9: 100}, "b": {2: 10, 9: 100}, "c": {3: 10, 9: 100}, "d": {4: 115}}
    cache = RuleCache(load, size=10, parts=parts.__getitem__, most_bytes=130)
    for key in "abc":
        await cache.get(key)
    assert cache.bytes_held == 130
    await cache.get("d")
    assert [key for key in "abcd" if cache.known(key)] == ["d"]
    assert cache.bytes_held == 115
    cache.drop("d")
    assert cache.bytes_held == 0


async def test_the_value_that_was_not_asked_for_the_longest_goes_and_is_told() -> None:
    """The oldest went first, however often it was asked for; tables beside it kept all."""
    source, gone = Source(), []
    source.gate.set()
    cache = RuleCache(source.load, size=2, on_gone=lambda key, _value: gone.append(key))
    await cache.get("a")
    await cache.get("b")
    assert cache.known("a")
    await cache.get("c")
    assert (gone, cache.known("b")) == (["b"], None)
    cache.drop("a")
    cache.clear()
    assert gone == ["b", "a", "c"]
