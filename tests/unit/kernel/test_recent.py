"""A dear look at the platform is shared by all who ask at the time, and for a while after."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel import clock
from kernel.recent import Recent

KEPT = timedelta(seconds=10)


@dataclass(frozen=True)
class Look:
    at: datetime


async def asked(recent: Recent[Look], looked: list[datetime], now: datetime, key: str = "") -> Look:
    async def look() -> Look:
        looked.append(now)
        await asyncio.sleep(0)
        return Look(now)

    return await recent.get(key, now, look)


async def test_who_asks_meanwhile_is_told_the_same_though_it_came_a_moment_earlier() -> None:
    """A page whose moment was taken before another's looked anew after it had waited for it."""
    recent, looked, now = Recent[Look](KEPT), list[datetime](), clock.now()
    moments = (now, now - timedelta(milliseconds=5), now + timedelta(milliseconds=5))
    found = await asyncio.gather(*(asked(recent, looked, moment) for moment in moments))
    assert {each.at for each in found} == {now}
    assert looked == [now]


async def test_what_is_older_or_of_a_clock_that_was_set_back_is_looked_for_again() -> None:
    recent, looked, now = Recent[Look](KEPT), list[datetime](), clock.now()
    for moment in (now, now + KEPT, now - KEPT):
        assert (await asked(recent, looked, moment)).at == moment
    assert len(looked) == 3


async def test_of_more_keys_than_it_holds_the_oldest_is_forgotten() -> None:
    recent, looked, now = Recent[Look](KEPT, most=2), list[datetime](), clock.now()
    for key in ("a", "b", "c", "a"):
        await asked(recent, looked, now, key)
    assert len(looked) == 4
    assert recent.known("b") is None
