"""Clocks of nodes are compared with the database's; one that is far off ends nothing (I15)."""

from datetime import datetime, timedelta

import pytest

from kernel import clock
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.skew import Skew, measured

NOWHERE = "postgresql://127.0.0.1:1/none"


async def off_by(seconds: float) -> float:
    async def ask() -> datetime:
        return clock.now() - timedelta(seconds=seconds)

    return await measured(ask)


async def test_what_the_way_explains_does_not_count() -> None:
    assert await off_by(0.0) == pytest.approx(0.0, abs=0.001)
    assert await off_by(3600.0) == pytest.approx(3600.0, abs=0.5)
    assert await off_by(-3600.0) == pytest.approx(-3600.0, abs=0.5)


def test_a_clock_that_is_far_off_ends_nothing() -> None:
    """A node an hour ahead ended subscriptions, keys and kept answers an hour early."""
    skew = Skew(Database(NOWHERE))
    skew.require()
    skew.ahead = 3600.0
    with pytest.raises(Unavailable):
        skew.require()
    skew.ahead = -2.0
    skew.require()
    assert not skew.far


async def test_a_database_that_is_away_leaves_the_last_measurement() -> None:
    skew = Skew(Database(NOWHERE))
    skew.ahead = 2.0
    await skew.look()
    assert skew.ahead == 2.0
