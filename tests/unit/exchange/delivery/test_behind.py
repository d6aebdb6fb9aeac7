"""How far copies lie behind: counted in places, the worst first."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from exchange.delivery.behind import (
    FRESH,
    SHOWN,
    Behind,
    Lags,
    Look,
    Stretch,
    by_places,
    by_silence,
)
from kernel import clock


def behind(id_: str, *stretches: Stretch, read_at: datetime | None = None) -> Behind:
    return Behind(id_, "r", "p", "c", "k", "pull", "active", read_at, stretches)


def test_what_lies_before_a_position_is_counted_from_the_first_place_that_is_kept() -> None:
    assert Stretch(0, 40, 10, 100).places == 60
    assert Stretch(0, None, 10, 100).places == 90
    assert Stretch(0, 100, 10, 100).places == 0
    dropped = Stretch(0, 4, 10, 100)
    assert (dropped.places, dropped.gap) == (90, True)
    assert not Stretch(0, None, 10, 100).gap


def test_the_furthest_behind_stand_first_and_those_nobody_knows_of_last() -> None:
    rows = [
        behind("a", Stretch(0, 9, 0, 10)),
        behind("b"),
        behind("c", Stretch(0, 0, 0, 10), Stretch(1, 0, 0, 10)),
        behind("d", Stretch(0, 9, 0, 10)),
    ]
    assert [each.id for each in by_places(rows)] == ["c", "a", "d", "b"]


def test_whoever_never_read_stands_before_the_longest_silent() -> None:
    now = clock.now()
    rows = [
        behind("a", read_at=now),
        behind("b"),
        behind("c", read_at=now - timedelta(hours=3)),
    ]
    assert [each.id for each in by_silence(rows)] == ["b", "c", "a"]


async def test_an_older_look_is_shown_while_a_new_one_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With ten thousand subscriptions every fifteenth second an operator waited for a look."""
    nothing: Any = None
    lags, looked = Lags(nothing, nothing), []

    async def look(_region: str, at: datetime) -> Look:
        looked.append(at)
        return Look(at, [], cut=False)

    monkeypatch.setattr(lags, "_look", look)
    first = clock.now()
    assert (await lags.look("450000", first)).at == first
    assert (await lags.look("450000", first + FRESH / 2)).at == first
    later = first + FRESH
    assert (await lags.look("450000", later)).at == first
    assert lags._renewing is not None
    await lags._renewing
    assert (await lags.look("450000", later)).at == later
    too_old = later + SHOWN
    assert (await lags.look("450000", too_old)).at == too_old
    assert looked == [first, later, too_old]
