"""Values of every edition as one of them has them."""

from catalog.rules.code_maps import Edition, EditionValue
from catalog.rules.crosswalks import crosswalk
from kernel.turns import finished


def edition(*in_force: str, **ended: tuple[str, ...]) -> Edition:
    """An edition with values in force, and ended ones with their successors."""
    listed = {value: EditionValue(value, value, ended=False) for value in in_force}
    return listed | {
        value: EditionValue(value, value, ended=True, successors=successors)
        for value, successors in ended.items()
    }


FIRST = edition("a", "b", "c", "d", "e")
SECOND = edition("a", "b2", "c1", "c2", "m", b=("b2",), c=("c1", "c2"), d=("m",), e=("m",))
THIRD = edition("a", "b3", "c1", "c2", "m", b2=("b3",))
ALL = [FIRST, SECOND, THIRD]


def test_earlier_values_are_led_to_the_single_one_that_has_succeeded_them() -> None:
    made = finished(crosswalk(ALL, 2))
    assert made.of("a") == "a"
    assert (made.of("b"), made.of("b2"), made.of("b3")) == ("b3", "b3", "b3")
    assert (made.of("d"), made.of("e")) == ("m", "m")
    assert made.of("c") is None
    assert made.of("never heard of") is None


def test_later_values_are_led_back_to_the_single_one_whose_place_they_took() -> None:
    made = finished(crosswalk(ALL, 0))
    assert (made.of("b3"), made.of("b2"), made.of("b")) == ("b", "b", "b")
    assert (made.of("c1"), made.of("c2")) == ("c", "c")
    assert made.of("m") is None


def test_between_two_editions_both_ways_are_gone() -> None:
    made = finished(crosswalk(ALL, 1))
    assert (made.of("b"), made.of("b3")) == ("b2", "b2")
    assert (made.of("c"), made.of("m")) == (None, "m")


def test_a_circle_of_successors_leads_nowhere() -> None:
    circle = edition("z", x=("y",), y=("x",))
    assert finished(crosswalk([circle], 0)).of("x") is None
    assert finished(crosswalk([edition("x", "y"), circle], 1)).of("y") is None


def test_what_does_the_same_has_the_same_name() -> None:
    one, other = finished(crosswalk(ALL, 2)), finished(crosswalk(list(ALL), 2))
    assert one.identity == other.identity
    assert one.identity != finished(crosswalk(ALL, 1)).identity
