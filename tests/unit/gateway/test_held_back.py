"""Who is refused for asking too often waits for it, and so does who never says who it is."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from auth.errors import TokenMissing
from gateway import held_back
from gateway.guard import Guard
from gateway.held_back import HELD_MAX, LEAST_SECONDS, MOST_SECONDS, PER_SECOND, HeldBack
from kernel.errors import NotFound, TooMany

NOBODY: Any = None


async def test_so_many_refusals_are_held_back_and_no_more() -> None:
    """Whoever waits costs memory; a flood of connections must not make it grow."""
    line = HeldBack()
    waiting = [asyncio.create_task(line.wait(str(n))) for n in range(HELD_MAX)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    late = asyncio.create_task(line.wait("late"))
    await asyncio.sleep(0)
    assert late.done()
    await asyncio.gather(*waiting)
    assert line.held == 0


def test_refusals_of_one_caller_leave_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller with thirty connections had three hundred refusals a second made for it."""
    monkeypatch.setattr(held_back, "monotonic", lambda: 5.0)
    line = HeldBack()
    turns = [line._turn("greedy") for _ in range(100)]
    assert turns[:3] == pytest.approx([LEAST_SECONDS + n / PER_SECOND for n in range(3)])
    assert max(turns) == turns[-1] == MOST_SECONDS
    assert line._turn("modest") == pytest.approx(LEAST_SECONDS)


async def test_an_address_that_never_says_who_it_is_asks_too_often_in_the_end() -> None:
    """A flood of heads without a token was answered as fast as it came."""
    settings = SimpleNamespace(rate_source_per_second=1.0, rate_source_burst=3)
    guard = Guard(None, lambda: cast("Any", SimpleNamespace(settings=settings)))
    told = [await guard.slowed(TokenMissing(), NOBODY, "10.0.0.1") for _ in range(6)]
    assert [type(each) for each in told] == [TokenMissing] * 4 + [TooMany] * 2
    assert isinstance(await guard.slowed(TokenMissing(), NOBODY, "10.0.0.2"), TokenMissing)
    assert isinstance(await guard.slowed(NotFound(), NOBODY, "10.0.0.1"), NotFound)
