"""Of several who may answer the first that does is taken, and a hung one costs a pause."""

import asyncio

import pytest

from exchange.log.racing import first_answer


async def two() -> int:
    return 2


async def fail() -> int:
    raise OSError("refused")


async def hang() -> int:
    await asyncio.get_running_loop().create_future()
    return 0


async def test_a_hung_one_is_not_waited_for() -> None:
    assert await first_answer([hang, two], 0.05) == 2


async def test_after_a_failure_the_next_is_asked_at_once() -> None:
    async with asyncio.timeout(5):
        assert await first_answer([fail, fail, two], 60) == 2


async def test_the_first_is_enough_when_it_answers() -> None:
    asked: list[int] = []

    async def counted() -> int:
        asked.append(1)
        return 1

    assert await first_answer([counted, counted], 1) == 1
    assert asked == [1]


async def test_when_all_fail_the_last_failure_is_told() -> None:
    with pytest.raises(OSError, match="refused"):
        await first_answer([fail, fail], 0.01)
    with pytest.raises(LookupError):
        await first_answer([], 0)
