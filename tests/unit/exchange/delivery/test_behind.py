"""How far copies lie behind: counted in places, the worst first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.delivery.behind import FRESH, SHOWN, Lags, Look, Order, Stretch, counted
from kernel import clock
from kernel.turns import finished


class Row(NamedTuple):
    """What is read of a subscription, in its order."""

    id: str
    resource_id: str = "r"
    provider_department: str = "p"
    consumer_department: str = "c"
    client_id: str = "k"
    mode: str = "pull"
    status: str = "active"
    position: Sequence[int | None] | None = None
    position_at: datetime | None = None


def look(*rows: Row, edges: Sequence[tuple[int, int]] = ((0, 10), (0, 10))) -> Look:
    of = {"r": edges}
    lanes = {each.id: dict(enumerate(each.position or ())) for each in rows}
    return Look(clock.now(), finished(counted(rows, lanes, of)), cut=False, edges=of, lanes=lanes)


def test_what_lies_before_a_position_is_counted_from_the_first_place_that_is_kept() -> None:
    assert Stretch(0, 40, 10, 100).places == 60
    assert Stretch(0, None, 10, 100).places == 90
    assert Stretch(0, 100, 10, 100).places == 0
    dropped = Stretch(0, 4, 10, 100)
    assert (dropped.places, dropped.gap) == (90, True)
    assert not Stretch(0, None, 10, 100).gap


PLACES = {"a": (9, 10), "b": (0, 11), "c": (0, 0), "d": (9, 10)}


def test_the_furthest_behind_stand_first_and_those_nobody_knows_of_last() -> None:
    found = look(*(Row(id_, position=[*places]) for id_, places in PLACES.items()))
    assert [each.id for each in found.page(found.rows, Order.PLACES, 0, 9)] == ["c", "a", "d", "b"]
    assert [each.id for each in found.page(found.rows, Order.PLACES, 1, 2)] == ["a", "d"]
    assert (found.places, found.untold) == (22, 1)


def test_whoever_never_read_stands_before_the_longest_silent() -> None:
    now = clock.now()
    early = now - timedelta(hours=3)
    found = look(Row("a", position_at=now), Row("b"), Row("c", position_at=early))
    assert [each.id for each in found.page(found.rows, Order.SILENCE, 0, 9)] == ["b", "c", "a"]


PLACE = st.none() | st.integers(0, 30)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(tuple), max_size=4),
    st.none() | st.lists(PLACE, max_size=5),
    st.sampled_from(["pull", "push"]),
)
def test_what_is_counted_of_all_is_what_is_shown_of_one(
    edges: list[tuple[int, int]], position: list[int | None] | None, mode: str
) -> None:
    """Of ten thousand no stretch is made: the order must be that of the stretches."""
    found = look(Row("a", position=position, mode=mode), edges=edges)
    [one], shown = found.rows, found.one("a")
    assert (one.places, one.gap) == (shown.places, shown.gap)
    assert list(found.gaps) == ([one] if shown.gap else [])


async def test_an_older_look_is_shown_while_a_new_one_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With ten thousand subscriptions every fifteenth second an operator waited for a look."""
    nothing: Any = None
    lags, looked = Lags(nothing, nothing), []

    async def look(_region: str, at: datetime) -> Look:
        looked.append(at)
        return Look(at, [], cut=False, edges={}, lanes={})

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
