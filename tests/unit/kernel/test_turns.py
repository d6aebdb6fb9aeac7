import asyncio
from itertools import pairwise
from time import perf_counter

import pytest

from kernel.turns import TURN_SECONDS, FairScheduler, Steps, done_within, finished


def work(name: str, steps: int, log: list[str], seconds: float = TURN_SECONDS) -> Steps[str]:
    for _ in range(steps):
        until = perf_counter() + seconds
        while perf_counter() < until:
            pass
        log.append(name)
        yield
    return name


def broken() -> Steps[None]:
    yield
    raise LookupError


async def test_large_work_takes_turns_with_what_came_later() -> None:
    turns, log = FairScheduler(), list[str]()
    done = await asyncio.gather(
        turns.finish(work("large", 10, log)), turns.finish(work("small", 2, log))
    )
    assert list(done) == ["large", "small"]
    assert "small" in log[:3]
    assert log[-1] == "large"


async def test_between_any_two_turns_the_loop_serves_everybody_else() -> None:
    turns, log = FairScheduler(), list[str]()

    async def serve() -> None:
        while log.count("a") + log.count("b") < 8:
            log.append("served")
            await asyncio.sleep(0)

    await asyncio.gather(serve(), turns.finish(work("a", 4, log)), turns.finish(work("b", 4, log)))
    heavy = [place for place, name in enumerate(log) if name != "served"]
    assert all(later - earlier > 1 for earlier, later in pairwise(heavy))


async def test_light_work_is_done_in_one_turn() -> None:
    assert await FairScheduler().finish(work("light", 3, [], seconds=0)) == "light"


async def test_work_that_fails_or_is_given_up_leaves_the_line() -> None:
    turns, log = FairScheduler(), list[str]()
    with pytest.raises(LookupError):
        await turns.finish(broken())
    given_up = asyncio.create_task(turns.finish(work("endless", 10_000, log)))
    await asyncio.sleep(TURN_SECONDS)
    given_up.cancel()
    async with asyncio.timeout(1):
        assert await turns.finish(work("next", 1, log)) == "next"


def test_all_the_steps_at_once() -> None:
    assert finished(work("whole", 3, [], seconds=0)) == "whole"


def test_what_is_soon_done_is_done_at_once_and_the_rest_is_left() -> None:
    """A page of ten hidden records is not worth a turn; one of ten thousand is."""
    assert done_within(quiet(3), 1.0)
    steps = quiet(1_000_000)
    assert not done_within(steps, 0.001)
    assert next(steps, "nothing") is None


def quiet(steps: int) -> Steps[None]:
    for _ in range(steps):
        yield
