"""What is remembered of callers and places is bounded, however many come."""

from kernel.bounded import Bounded


def test_the_one_put_in_longest_ago_goes_and_a_new_value_makes_its_key_the_newest() -> None:
    held = Bounded[str, int](2)
    held.put("a", 1)
    held.put("b", 2)
    held.put("a", 3)
    held.put("c", 4)
    assert dict(held) == {"a": 3, "c": 4}
    assert list(held) == ["a", "c"]
